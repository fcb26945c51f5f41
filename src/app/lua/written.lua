-- Postgres has these entries of the history stream: they leave it.
--
-- KEYS  history staged_bytes untold delivery unconfirmed
-- ARGV  group, n, id bytes ... (n pairs), id of a change that Postgres knows as told ...
local n, gone, bytes = tonumber(ARGV[2]), 0, 0
for i = 3, 1 + 2 * n, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then -- a writer that was overtaken must not count them off again
    gone, bytes = gone + 1, bytes + tonumber(ARGV[i + 1])
  end
end
for i = 3 + 2 * n, #ARGV do redis.call('SREM', KEYS[3], ARGV[i]) end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('SET', KEYS[2], 0) -- a counter that drifted heals itself
  if redis.call('HLEN', KEYS[4]) == 0 then redis.call('DEL', KEYS[5]) end -- Postgres knows of every message
else
  redis.call('DECRBY', KEYS[2], bytes)
end
return gone
