-- Brackets the verification of the states in Redis against Postgres.
--
-- KEYS  epoch lost changes doubt
-- ARGV  "begin" or "end", owner
-- Gives "ok", or "again": since "begin" the server was restarted or emptied, so what was verified may be gone. The epoch
-- holds the run id of the server that was verified; claim.lua gives out no product under any other.
-- Where the verification had to bring something back, Redis had lost data: what its stream of changes holds now may have
-- been told, and nobody remembers. "doubt" is "newest id of the stream, ms of this moment".
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local mark = 'verifying ' .. run .. ' ' .. ARGV[2]
local epoch = redis.call('GET', KEYS[1])
if ARGV[1] == 'begin' then
  if epoch ~= run then redis.call('SET', KEYS[1], mark) end
  return 'ok'
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  local t, last = redis.call('TIME'), '0-0'
  local info = redis.pcall('XINFO', 'STREAM', KEYS[3])
  for i = 1, info.err and 0 or #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
  redis.call('SET', KEYS[4], last .. ' ' .. string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)))
  redis.call('DEL', KEYS[2])
end
if epoch == run then return 'ok' end -- another daemon was done first
if epoch ~= mark then return 'again' end
redis.call('SET', KEYS[1], run)
return 'ok'
