-- Brackets the verification of the states in Redis against Postgres.
--
-- KEYS  epoch lost changes doubt unconfirmed generation
-- ARGV  "begin" or "end", owner,
--       "begin": generation, ms: what the owner remembers of `unconfirmed` ("", 0 = nothing was)
-- Gives {"ok", generation}, or {"again"}: since "begin" the server was restarted or emptied, so what was verified may be
-- gone. The epoch holds the run id of the server that was verified; claim.lua gives out no product under any other. Until
-- then it is "verifying RUN OWNER ...": daemons verify side by side, and the first that is done is done for all. Were each
-- begin to end the others', daemons that need seconds for many products would never be done.
-- Where the verification had to bring something back, Redis had lost data: what its stream of changes holds now may have
-- been told, and nobody remembers. "doubt" is "newest id of the stream, ms of this moment".
-- Postgres cannot tell of a loss where messages were sent while it was away: then any verification makes the doubt, also of
-- the products' next changes (track.lua). An older snapshot may know of no such messages; the daemon that sent them does.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local mark, me = 'verifying ' .. run, ' ' .. ARGV[2]
local epoch = redis.call('GET', KEYS[1]) or ''
local begun = string.sub(epoch, 1, #mark) == mark
if ARGV[1] == 'begin' then
  local since, known = tonumber(ARGV[4]), tonumber(redis.call('GET', KEYS[5]) or '')
  -- verified by another daemon, which knew nothing of these messages
  local anew = since > 0 and ARGV[3] ~= (redis.call('GET', KEYS[6]) or '')
  if epoch == run and not anew then return {'ok', ARGV[3]} end
  if since > 0 and (not known or since < known) then
    redis.call('SET', KEYS[5], ARGV[4])
    begun = false -- nor do those that are at it
  end
  if not begun or #epoch > 4096 then epoch = mark end -- many that began and died: begin anew
  if not string.find(epoch .. ' ', me .. ' ', 1, true) then redis.call('SET', KEYS[1], epoch .. me) end
  if since > 0 or known then redis.call('SET', KEYS[2], '1') end
  return {'ok', ''}
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
local generation = redis.call('GET', KEYS[6]) or ''
if epoch == run then return {'ok', generation} end -- another daemon was done first
if not begun or not string.find(epoch .. ' ', me .. ' ', 1, true) then return {'again'} end
local t = redis.call('TIME')
generation = run .. '.' .. t[1] .. '.' .. t[2]
redis.call('SET', KEYS[1], run)
redis.call('SET', KEYS[6], generation)
return {'ok', generation}
