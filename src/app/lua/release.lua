-- Hands products back that were not checked: they stay due as they were.
--
-- KEYS  due leased lease poll tracked
-- ARGV  prefix, owner, {member, polled 1/0} ...
-- Only leases that are still ours are returned; a product removed or paused meanwhile does not become due again.
local due, leased, lease, poll, tracked = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local released = 0
for i = 3, #ARGV, 2 do
  local member = ARGV[i]
  local holder, score = string.match(redis.call('HGET', lease, member) or '', '^(.-)|([^|]*)')
  if holder == ARGV[2] then
    redis.call('ZREM', leased, member)
    redis.call('HDEL', lease, member)
    local product = ARGV[1] .. 'product:' .. member
    if redis.call('ZSCORE', tracked, member) and redis.call('HGET', product, 'active') == '1' then
      due_put(due, product, member, score)
      if ARGV[i + 1] == '1' then
        local t = redis.call('TIME')
        redis.call('ZADD', poll, 'NX', tonumber(t[1]) * 1000, member)
      end
    end
    released = released + 1
  end
end
return released
