-- Brackets the verification of the states in Redis against Postgres.
--
-- KEYS  epoch
-- ARGV  "begin" or "end", owner
-- Gives "ok", or "again": since "begin" the server was restarted or emptied, so what was verified may be gone. The epoch
-- holds the run id of the server that was verified; claim.lua gives out no product under any other.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local mark = 'verifying ' .. run .. ' ' .. ARGV[2]
local epoch = redis.call('GET', KEYS[1])
if ARGV[1] == 'begin' then
  if epoch ~= run then redis.call('SET', KEYS[1], mark) end
  return 'ok'
end
if epoch == run then return 'ok' end -- another daemon was done first
if epoch ~= mark then return 'again' end
redis.call('SET', KEYS[1], run)
return 'ok'
