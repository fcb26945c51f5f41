-- Takes due products under a lease, so that no other daemon asks about them at the same time.
--
-- KEYS  due leased lease poll epoch staged_bytes turn tokens spending
-- ARGV  prefix, owner, lease ms, most products of a batch (0 = only those asked for by a person), most of them if a person
--       asked, stage limit in bytes, most first-sight products, return leases of dead daemons now (1/0), number of this
--       claim, number of the owner's first claim whose answer was lost, with all since (0 = none),
--       ahead: a product may be taken so early, as a part (1/n) of its interval, and seconds at most,
--       number of the state of the bucket by which the owner reckoned, tokens that its requests under way may cost (counts
--       where an answer was lost), tokens that a product may cost
-- Gives {"epoch"}: Redis was emptied or restarted, verify against Postgres first; {"full"}: too much waits for Postgres;
--       {"tokens", ms of the server's clock, number of the state of the bucket, tokens that requests of other daemons may cost,
--       left, refill_rate, rate, refill_in_ms, at_ms, stamp_ms}: it is another one than the owner reckoned by, reckon anew;
--       {"idle", ms of the server's clock, due score of the next product or ""}; or
--       {"batch", ms of the server's clock, number of the state of the bucket, {member, due score, polled 1/0, version, state,
--       frequency} ...}: one domain, and either all first sights or none.
-- The server's clock decides: daemons whose clocks differ still share one idea of a lease.
--
-- Order: what a person asked for. Then by priority, and by due time among equals; but every fourth batch by due time
-- alone, so that nobody starves: what waits longest gets a quarter of all tokens, however much of priority 1 is due.
local due, leased, lease, poll, epoch, staged, turn = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local tokens, spending = KEYS[8], KEYS[9]
local prefix, owner = ARGV[1], ARGV[2]
local WINDOW = 500 -- of a set are looked at: bounds the work where few of those that are due fit together
-- the epoch names the run of the server that was verified: one that was restarted may hold an older snapshot
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', epoch) ~= run then return {'epoch'} end
if tonumber(redis.call('GET', staged) or '0') > tonumber(ARGV[6]) then return {'full'} end

local t = redis.call('TIME')
local now_ms = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local now_s = tonumber(t[1])

local function give_back(member)
  local product = prefix .. 'product:' .. member
  local holder = redis.call('HGET', lease, member) or ''
  local score, polled = string.match(holder, '|([^|]*)|?([^|]*)')
  redis.call('ZREM', leased, member)
  redis.call('HDEL', lease, member)
  -- removed or paused meanwhile: it does not become due again
  if redis.call('HGET', product, 'active') ~= '1' then return end
  if not redis.call('ZSCORE', due, member) then due_put(due, product, member, score or tostring(now_s)) end
  -- what a person asked for does not die with the daemon that took it
  if polled == '1' then redis.call('ZADD', poll, 'NX', now_ms, member) end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now_ms, 'LIMIT', 0, 1000)) do give_back(member) end
if ARGV[8] == '1' then
  local held = redis.call('HGETALL', lease)
  for i = 1, #held, 2 do
    local holder = string.match(held[i + 1], '^(.-)|')
    -- whoever asks is alive: a clock that was stepped may have ended its sign of life
    if not holder or (holder ~= owner and redis.call('EXISTS', prefix .. 'daemon:' .. holder) == 0) then give_back(held[i]) end
  end
  for _, spender in ipairs(redis.call('HKEYS', spending)) do
    if spender ~= owner and redis.call('EXISTS', prefix .. 'daemon:' .. spender) == 0 then
      redis.call('HDEL', spending, spender)
      redis.call('HINCRBY', tokens, 'seq', 1)
    end
  end
end

-- nobody asks about what was taken by a claim of ours that was never answered
if ARGV[10] ~= '0' then
  redis.call('HSET', spending, owner, ARGV[14])
  local held = redis.call('HGETALL', lease)
  for i = 1, #held, 2 do
    local holder, number = string.match(held[i + 1], '^(.-)|[^|]*|[^|]*|(%d+)$')
    if holder == owner and tonumber(number) >= tonumber(ARGV[10]) then give_back(held[i]) end
  end
end

-- ---- the bucket ----

-- Several daemons spend from one bucket: what one of them may take depends on what the others are about to spend. The rules
-- are in one place (core/bucket.c); here only is seen to it that they were asked about the newest state.
local seq = redis.call('HGET', tokens, 'seq') or '0'
if seq ~= ARGV[13] then
  local others, told = 0, redis.call('HMGET', tokens, 'left', 'refill_rate', 'rate', 'refill_in_ms', 'at_ms', 'stamp_ms')
  local spent = redis.call('HGETALL', spending)
  for i = 1, #spent, 2 do
    if spent[i] ~= owner then others = others + tonumber(spent[i + 1]) end
  end
  local answer = {'tokens', now_ms, tonumber(seq), others}
  for i = 1, 6 do answer[4 + i] = told[i] or '' end
  return answer
end

-- ---- who ----

local batch, taken, domain, first = {}, {}, nil, nil
local polls = redis.call('ZCARD', poll) > 0
local function fits(member) return not taken[member] and (not domain or domain == string.match(member, '^(%d+):')) end
-- Gives false when the batch is full.
local function take(member, score, polled, most)
  if not fits(member) then return true end
  local product = prefix .. 'product:' .. member
  local kind = redis.call('HMGET', product, 'baseline', 'priority')
  local is_first = kind[1] ~= '1'
  if first ~= nil and is_first ~= first then return true end
  if is_first then most = math.min(most, tonumber(ARGV[7])) end
  if #batch >= most then return false end
  local p = redis.call('HMGET', product, 'version', 'state', 'frequency')
  domain, first, taken[member] = string.match(member, '^(%d+):'), is_first, due_class(due, kind[2])
  batch[#batch + 1] = {member, score, polled and '1' or '0', p[1] or '', p[2] or '', p[3] or ''}
  return #batch < most
end

local more = true
for _, member in ipairs(polls and redis.call('ZRANGE', poll, 0, WINDOW - 1) or {}) do
  local score = redis.call('ZSCORE', due, member)
  if score then
    if more then more = take(member, score, true, tonumber(ARGV[5])) end
  elseif not redis.call('ZSCORE', leased, member) then
    redis.call('ZREM', poll, member) -- not tracked, or paused since it was asked for
  end
end

local routine = tonumber(ARGV[4])
local function take_due(set)
  local list = redis.call('ZRANGEBYSCORE', set, '-inf', now_s, 'WITHSCORES', 'LIMIT', 0, WINDOW)
  for i = 1, #list, 2 do
    local member, score = list[i], list[i + 1]
    if set ~= due and fits(member) then -- a person may have written into `due`: it is what counts
      score = redis.call('ZSCORE', due, member)
      if not score then
        redis.call('ZREM', set, member)
      elseif score ~= list[i + 1] then
        redis.call('ZADD', set, score, member)
      end
    end
    if score and tonumber(score) <= now_s and not (polls and redis.call('ZSCORE', poll, member)) and
       not take(member, score, false, routine) then
      return false
    end
  end
  return true
end
if more and routine > 0 then
  if tonumber(redis.call('GET', turn) or '0') % 4 ~= 3 then
    for class = 1, DUE_CLASSES do more = more and take_due(due .. ':' .. class) end
  end
  more = more and take_due(due)
  if #batch > 0 then redis.call('INCR', turn) end
end
-- There is room: what is due next comes along instead of making a request of its own in a moment. Only checks of the
-- regular grid, whose next one is then reckoned from the planned time: they cost no more than they would then.
if more and routine > 0 and #batch > 0 and not first then
  local list = redis.call('ZRANGEBYSCORE', due, '(' .. now_s, now_s + tonumber(ARGV[12]), 'WITHSCORES', 'LIMIT', 0, WINDOW)
  for i = 1, #list, 2 do
    local member, score = list[i], list[i + 1]
    local interval = fits(member) and tonumber(redis.call('HGET', prefix .. 'product:' .. member, 'frequency') or '0') * 60 or 0
    if interval > 0 and tonumber(score) % interval == 0 and (tonumber(score) - now_s) * tonumber(ARGV[11]) <= interval and
       not (polls and redis.call('ZSCORE', poll, member)) and not take(member, score, false, routine) then
      break
    end
  end
end

-- ---- the lease ----

if #batch == 0 then
  local next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  return {'idle', now_ms, next_due[2] or ''}
end
local answer = {'batch', now_ms, 0}
local members, scores, holders = {}, {}, {}
for i, item in ipairs(batch) do
  answer[i + 3] = item
  members[i] = item[1]
  scores[2 * i - 1], scores[2 * i] = now_ms + tonumber(ARGV[3]), item[1]
  holders[2 * i - 1], holders[2 * i] = item[1], table.concat({owner, item[2], item[3], ARGV[9]}, '|')
end
-- first what needs memory: a server that is full refuses here, before a token is spent on an answer it could not take
redis.call('ZADD', leased, unpack(scores))
redis.call('HSET', lease, unpack(holders))
redis.call('ZREM', due, unpack(members))
redis.call('ZREM', poll, unpack(members))
for _, member in ipairs(members) do redis.call('ZREM', taken[member], member) end
redis.call('HINCRBY', spending, owner, string.format('%.0f', #batch * tonumber(ARGV[15])))
answer[3] = redis.call('HINCRBY', tokens, 'seq', 1)
return answer
