-- A page of products with their live state, in the order of their names.
--
-- KEYS  tracked
-- ARGV  prefix, range begin for ZRANGEBYLEX, most, field ...
-- Gives {{member, value ...} ...}.
local fields, answer = {}, {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
for i, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])) do
  answer[i] = redis.call('HMGET', ARGV[1] .. 'product:' .. member, unpack(fields))
  table.insert(answer[i], 1, member)
end
return answer
