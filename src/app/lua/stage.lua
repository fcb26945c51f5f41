-- Results of checks, each all or nothing: live state, badge set, history entry, changes, next due time. Several in one
-- call, since a call costs more than most of what it does; what is wrong with one of them hurts no other.
--
-- KEYS  due leased lease poll tracked badges history changes staged_bytes untold guard, product ...
-- ARGV  owner, then for each product:
--       number of the arguments that follow
--       member, expected version, next due (unix s; "" = it stays as it is), changed (1/0: badges differ), next due as text,
--       what it is: "check", "unknown" (a check without a usable answer), "again" (another one of that product), "well" or
--       "ill" (no check: a decision of the guard, by what it knew of the source), Keepa's time of the answer (ms)
--       n, field value ...          of the product's hash (n values): at least those that changed
--       n, member score ...         badges held now (n values); all others of this product are removed
--       history doc, raw ("" = none)
--       n changes, each: change id, m, field value ... (m values) of one entry of the changes stream
-- Gives a text for each product: id of the history entry, "conflict" (the stored version is another: detect again), "gone"
-- (no longer tracked), or an error.
local due, leased, lease, poll, tracked = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local badges, history, changes, staged, untold = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local guard, owner = KEYS[11], ARGV[1]
local unknowns = redis.call('ZCARD', guard .. ':unknown') > 0
local polls = redis.call('ZCARD', poll) > 0
local at, bytes = 2, 0

local function values()
  local n, list = tonumber(ARGV[at]), {}
  for i = 1, n do list[i] = ARGV[at + i] end
  at = at + n + 1
  return list
end

local function end_lease(member)
  local holder = string.match(redis.call('HGET', lease, member) or '', '^(.-)|')
  if holder == owner then
    redis.call('ZREM', leased, member)
    redis.call('HDEL', lease, member)
    return true
  end
  return false
end

local function add_changes(n, doubt, told, names)
  for _ = 1, n do
    local change = ARGV[at]
    at = at + 1
    local entry = values()
    for i, name in ipairs(names) do
      if told[i] and told[i] ~= '' then
        entry[#entry + 1] = name
        entry[#entry + 1] = told[i]
      end
    end
    if doubt then
      entry[#entry + 1] = 'doubt'
      entry[#entry + 1] = doubt
    end
    -- queued already, or told and on its way to Postgres: seen twice, it is told once
    if redis.call('SADD', untold, change) == 1 then redis.call('XADD', changes, '*', unpack(entry)) end
  end
end

local function stage(product)
  local member, version, next_due, differ, next_text = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local what, answered = ARGV[at + 5], tonumber(ARGV[at + 6])
  local decides = what == 'well' or what == 'ill'
  at = at + 7
  if not redis.call('ZSCORE', tracked, member) then
    end_lease(member)
    return 'gone'
  end
  local has = redis.call('HMGET', product, 'version', 'doubt', 'active', 'priority', 'held_back')
  if (has[1] or '0') ~= version then return 'conflict' end
  if decides and redis.call('EXISTS', guard) ~= (what == 'ill' and 1 or 0) then return 'conflict' end
  local doubt = has[2]

  redis.call('HSET', product, unpack(values()))
  local held = values()
  if differ == '1' then badges_replace(badges, product, member, held) end
  local fresh = guard_keep(guard, product, member, has[5], answered)
  if not decides then
    redis.call('ZADD', guard .. ':seen', answered, member)
    -- those that are asked again because they gave none may be all that is checked for a while: no sign of a fault that
    -- begins, but while it lasts the only one that it does
    if what == 'unknown' or (what == 'again' and redis.call('EXISTS', guard) == 1) then
      redis.call('ZADD', guard .. ':unknown', answered, member)
    elseif unknowns and what == 'check' then
      redis.call('ZREM', guard .. ':unknown', member)
    end
  end
  if fresh or what == 'unknown' then
    local ill, figures = guard_judge(guard, badges, due, leased, answered)
    if ill then guard_begin(guard, figures) end
  end

  local doc, raw = ARGV[at], ARGV[at + 1]
  at = at + 2
  local id
  if raw == '' then
    id = redis.call('XADD', history, '*', 'kind', 'check', 'by', owner, 'doc', doc)
  else
    id = redis.call('XADD', history, '*', 'kind', 'check', 'by', owner, 'doc', doc, 'raw', raw)
  end
  bytes = bytes + #doc + #raw
  local n = tonumber(ARGV[at])
  at = at + 1
  if n > 0 then
    -- who is to be told, should the product be tracked no more when they are (address.lua)
    local names = {'channel', 'tags', 'priority', 'muted_until'}
    -- doubt: this state came from Postgres after Redis lost its own (track.lua): what is found now may have been told before
    add_changes(n, doubt, redis.call('HMGET', product, unpack(names)), names)
  end
  if doubt and redis.call('HGET', product, 'data_state') == 'ok' then redis.call('HDEL', product, 'doubt') end

  if decides then
    local score = next_due ~= '' and redis.call('ZSCORE', due, member)
    if score and tonumber(score) > tonumber(next_due) then
      due_put(due, product, member, next_due, has[4] or '')
      redis.call('HSET', product, 'next_check_at', next_text)
    end
  elseif (end_lease(member) or not redis.call('ZSCORE', leased, member)) and has[3] == '1' then
    -- asked for again while this check was under way: it stays due at once
    local again = polls and redis.call('ZSCORE', poll, member)
    due_put(due, product, member, again and redis.call('TIME')[1] or next_due, has[4] or '')
    redis.call('HSET', product, 'next_check_at', again and 'now' or next_text)
  end
  return id
end

local answers = {}
for i = 1, #KEYS - 11 do
  local behind = at + 1 + tonumber(ARGV[at])
  at = at + 1
  local ok, answer = pcall(stage, KEYS[11 + i])
  if not ok then
    answer = type(answer) == 'table' and answer.err or tostring(answer)
    -- what the server refuses because of its own state (MISCONF, OOM, ...) it refuses from the first write on
    local code = string.match(answer, '^(%u+) ')
    if code and code ~= 'ERR' and code ~= 'WRONGTYPE' then return {err = answer} end
  end
  answers[i], at = answer, behind
end
if bytes > 0 then redis.call('INCRBY', staged, bytes) end
return answers
