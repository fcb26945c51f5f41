-- Forgets products that are no longer tracked.
--
-- KEYS  tracked due leased lease poll badges
-- ARGV  prefix, member ...
local forgotten = 0
for i = 2, #ARGV do
  local member, product = ARGV[i], ARGV[1] .. 'product:' .. ARGV[i]
  badges_replace(KEYS[6], product, member, {})
  due_drop(KEYS[2], product, member)
  for _, k in ipairs({1, 3}) do redis.call('ZREM', KEYS[k], member) end
  redis.call('HDEL', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  forgotten = forgotten + redis.call('DEL', product)
end
return forgotten
