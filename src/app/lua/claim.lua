-- Takes due products under a lease, so that no other daemon asks about them at the same time.
--
-- KEYS  due leased lease poll epoch staged_bytes
-- ARGV  prefix, owner, lease ms, most known products, most first-sight products, stage limit in bytes,
--       routine checks allowed (1/0), return leases of dead daemons now (1/0), number of this claim,
--       number of the owner's first claim whose answer was lost, with all since (0 = none)
-- Gives {"epoch"}: Redis was emptied or restarted, verify against Postgres first; {"full"}: too much waits for Postgres;
--       {"idle", ms of the server's clock, due score of the next product or ""}; or
--       {"batch", ms of the server's clock, {member, due score, polled 1/0, version, state, frequency} ...}: one domain, and either all first
--       sights or none.
-- The server's clock decides: daemons whose clocks differ still share one idea of a lease.
local due, leased, lease, poll, epoch, staged = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix, owner = ARGV[1], ARGV[2]
-- the epoch names the run of the server that was verified: one that was restarted may hold an older snapshot
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', epoch) ~= run then return {'epoch'} end
if tonumber(redis.call('GET', staged) or '0') > tonumber(ARGV[6]) then return {'full'} end

local t = redis.call('TIME')
local now_ms = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local now_s = tonumber(t[1])

local function give_back(member)
  local holder = redis.call('HGET', lease, member) or ''
  local score, polled = string.match(holder, '|([^|]*)|?([^|]*)')
  redis.call('ZREM', leased, member)
  redis.call('HDEL', lease, member)
  -- removed or paused meanwhile: it does not become due again
  if redis.call('HGET', prefix .. 'product:' .. member, 'active') ~= '1' then return end
  redis.call('ZADD', due, 'NX', score or tostring(now_s), member)
  -- what a person asked for does not die with the daemon that took it
  if polled == '1' then redis.call('ZADD', poll, 'NX', now_ms, member) end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now_ms, 'LIMIT', 0, 1000)) do give_back(member) end
if ARGV[8] == '1' then
  local held = redis.call('HGETALL', lease)
  for i = 1, #held, 2 do
    local holder = string.match(held[i + 1], '^(.-)|')
    if not holder or redis.call('EXISTS', prefix .. 'daemon:' .. holder) == 0 then give_back(held[i]) end
  end
end

-- nobody asks about what was taken by a claim of ours that was never answered
if ARGV[10] ~= '0' then
  local held = redis.call('HGETALL', lease)
  for i = 1, #held, 2 do
    local holder, number = string.match(held[i + 1], '^(.-)|[^|]*|[^|]*|(%d+)$')
    if holder == owner and tonumber(number) >= tonumber(ARGV[10]) then give_back(held[i]) end
  end
end

local batch, domain, first = {}, nil, nil
local function take(member, score, polled)
  local d = string.match(member, '^(%d+):')
  if domain and d ~= domain then return true end
  local p = redis.call('HMGET', prefix .. 'product:' .. member, 'version', 'state', 'frequency', 'baseline')
  local is_first = p[4] ~= '1'
  if first ~= nil and is_first ~= first then return true end
  local most = tonumber(is_first and ARGV[5] or ARGV[4])
  if #batch >= most then return false end
  domain, first = d, is_first
  batch[#batch + 1] = {member, score, polled and '1' or '0', p[1] or '', p[2] or '', p[3] or ''}
  return #batch < most
end

local more = true
for _, member in ipairs(redis.call('ZRANGE', poll, 0, 499)) do
  local score = redis.call('ZSCORE', due, member)
  if score then
    if more then more = take(member, score, true) end
  elseif not redis.call('ZSCORE', leased, member) then
    redis.call('ZREM', poll, member) -- not tracked, or paused since it was asked for
  end
end
if more and ARGV[7] == '1' then
  local list = redis.call('ZRANGEBYSCORE', due, '-inf', now_s, 'WITHSCORES', 'LIMIT', 0, 500)
  for i = 1, #list, 2 do
    if not redis.call('ZSCORE', poll, list[i]) and not take(list[i], list[i + 1], false) then break end
  end
end
if #batch == 0 then
  local next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  return {'idle', now_ms, next_due[2] or ''}
end
local answer = {'batch', now_ms}
for i, item in ipairs(batch) do
  -- first what needs memory: a server that is full refuses here, before a token is spent on an answer it could not take
  redis.call('ZADD', leased, now_ms + tonumber(ARGV[3]), item[1])
  redis.call('ZREM', due, item[1])
  redis.call('ZREM', poll, item[1])
  redis.call('HSET', lease, item[1], table.concat({owner, item[2], item[3], ARGV[9]}, '|'))
  answer[i + 2] = item
end
return answer
