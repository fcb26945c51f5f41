-- Postgres has these entries of the history stream: they leave it.
--
-- KEYS  history staged_bytes
-- ARGV  group, bytes, id ...
local ids = {}
for i = 3, #ARGV do ids[#ids + 1] = ARGV[i] end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
local gone = redis.call('XDEL', KEYS[1], unpack(ids))
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('SET', KEYS[2], 0) -- a counter that drifted heals itself
else
  redis.call('DECRBY', KEYS[2], ARGV[2])
end
return gone
