-- Makes Redis agree with one row of tracked_asins; restores the state from Postgres where Redis has none.
--
-- KEYS  product tracked due leased badges
-- ARGV  member, active (1/0), now (unix s), slot (unix s: next check by the frequency),
--       n, field value ... of how it is tracked
--       n, field value ... of the stored state ("version", "state", ...; n = 0: none), n, category since ... badges
local product, tracked, due, leased, badges = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local member, active = ARGV[1], ARGV[2] == '1'
local at = 5
local function values()
  local n, list = tonumber(ARGV[at]), {}
  for i = 1, n do list[i] = ARGV[at + i] end
  at = at + n + 1
  return list
end
redis.call('ZADD', tracked, 0, member)
redis.call('HSET', product, 'active', ARGV[2], unpack(values()))
local state, held = values(), values()
if #state > 0 and redis.call('HEXISTS', product, 'version') == 0 then
  redis.call('HSET', product, unpack(state))
  for i = 1, #held, 2 do
    redis.call('ZADD', badges, held[i + 1], member .. ':' .. held[i])
    redis.call('HSET', product, 'badge:' .. held[i], held[i + 1])
  end
end
if not active then
  redis.call('ZREM', due, member)
elseif not redis.call('ZSCORE', leased, member) then
  local score = redis.call('ZSCORE', due, member)
  if not score then
    redis.call('ZADD', due, ARGV[3], member) -- new, resumed, or Redis was emptied: look at once
  elseif tonumber(score) > tonumber(ARGV[4]) then
    redis.call('ZADD', due, ARGV[4], member) -- its frequency became higher
  end
end
return 'ok'
