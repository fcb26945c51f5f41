-- Stands before the scripts that write what badges a product holds (scripts.c): the field badge:CATEGORY of its hash, since
-- when, and the same in the set of all badges.
local function badges_replace(badges, product, member, held)
  for _, old in ipairs(redis.call('HKEYS', product)) do
    local category = string.match(old, '^badge:(%d+)$')
    if category then
      redis.call('ZREM', badges, member .. ':' .. category)
      redis.call('HDEL', product, old)
    end
  end
  for i = 1, #held, 2 do
    redis.call('ZADD', badges, held[i + 1], member .. ':' .. held[i])
    redis.call('HSET', product, 'badge:' .. held[i], held[i + 1])
  end
end
