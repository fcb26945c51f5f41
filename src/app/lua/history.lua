-- Reads the history for its one writer, the oldest entries first, whoever has read them before. So nothing is in Postgres
-- before what was staged before it: Redis may be emptied at any moment, and a state that came back from Postgres must not
-- be newer than a change that no row tells.
--
-- KEYS  stream
-- ARGV  group, consumer, most, cursor (the oldest are next in any case), prefix
-- Gives what XREADGROUP gives; nothing while another daemon, which is alive, is the writer.
local stream, group, owner, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local writer, alive = ARGV[5] .. 'writer', ARGV[5] .. 'daemon:'
local holder = redis.call('GET', writer)
if holder and holder ~= owner and redis.call('EXISTS', alive .. holder) == 1 then return false end

-- all that is returned belongs to the writer, so that the group shows how far Postgres is behind
local missing = most
for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', most)) do
  local id, consumer = pending[1], pending[2]
  if #redis.call('XRANGE', stream, id, id) == 0 then
    redis.call('XACK', stream, group, id) -- deleted by hand: nobody can finish it
  else
    missing = missing - 1
    if consumer ~= owner then redis.call('XCLAIM', stream, group, owner, 0, id, 'JUSTID') end
  end
end
if missing > 0 then redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', missing, 'STREAMS', stream, '>') end
-- given up by itself when its daemon no longer asks: it hangs, or its Postgres is away
redis.call('SET', writer, owner, 'PX', 5000)
local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', most)
return #oldest > 0 and {{stream, oldest}} or false
