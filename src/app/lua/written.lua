-- Postgres has these entries of the history stream: they leave it.
--
-- KEYS  history staged_bytes untold
-- ARGV  group, bytes, n, id ... (n of them), id of a change that Postgres knows as told ...
local ids = {}
local n = tonumber(ARGV[3])
for i = 1, n do ids[i] = ARGV[3 + i] end
for i = 4 + n, #ARGV do redis.call('SREM', KEYS[3], ARGV[i]) end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
local gone = redis.call('XDEL', KEYS[1], unpack(ids))
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('SET', KEYS[2], 0) -- a counter that drifted heals itself
else
  redis.call('DECRBY', KEYS[2], ARGV[2])
end
return gone
