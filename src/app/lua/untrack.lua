-- Forgets products that are no longer tracked.
--
-- KEYS  tracked due leased lease poll badges guard
-- ARGV  prefix, member ...
local forgotten = 0
for i = 2, #ARGV do
  local member, product = ARGV[i], ARGV[1] .. 'product:' .. ARGV[i]
  badges_replace(KEYS[6], product, member, {})
  due_drop(KEYS[2], product, member)
  for _, k in ipairs({1, 3}) do redis.call('ZREM', KEYS[k], member) end
  redis.call('HDEL', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  for _, name in ipairs({':seen', ':unknown', ':waiting'}) do redis.call('ZREM', KEYS[7] .. name, member) end
  for category in string.gmatch(redis.call('HGET', product, 'held_back') or '', '(%d+):') do
    redis.call('SREM', KEYS[7] .. ':guarded', member .. ':' .. category)
  end
  forgotten = forgotten + redis.call('DEL', product)
end
return forgotten
