-- One check's result, all or nothing: live state, badge set, history entry, changes, next due time.
--
-- KEYS  product due leased lease poll tracked badges history changes staged_bytes untold
-- ARGV  member, expected version, owner, next due (unix s), changed (1/0: badges differ), next due as text
--       n, field value ...          of the product's hash (n values)
--       n, member score ...         badges held now (n values); all others of this product are removed
--       history doc, raw ("" = none)
--       n changes, each: change id, m, field value ... (m values) of one entry of the changes stream
-- Gives {"ok", id of the history entry}, "conflict" (the stored version is another: detect again), or "gone" (no longer
-- tracked).
local product, due, leased, lease, poll = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local tracked, badges, history, changes, staged, untold = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local member, owner = ARGV[1], ARGV[3]

local function end_lease()
  local holder = string.match(redis.call('HGET', lease, member) or '', '^(.-)|')
  if holder == owner then
    redis.call('ZREM', leased, member)
    redis.call('HDEL', lease, member)
    return true
  end
  return false
end
if not redis.call('ZSCORE', tracked, member) then
  end_lease()
  return 'gone'
end
if (redis.call('HGET', product, 'version') or '0') ~= ARGV[2] then return 'conflict' end

local at = 7
local function values()
  local n, list = tonumber(ARGV[at]), {}
  for i = 1, n do list[i] = ARGV[at + i] end
  at = at + n + 1
  return list
end
redis.call('HSET', product, unpack(values()))
local held = values()
if ARGV[5] == '1' then badges_replace(badges, product, member, held) end

local doc, raw = ARGV[at], ARGV[at + 1]
at = at + 2
local id
if raw == '' then
  id = redis.call('XADD', history, '*', 'kind', 'check', 'by', owner, 'doc', doc)
else
  id = redis.call('XADD', history, '*', 'kind', 'check', 'by', owner, 'doc', doc, 'raw', raw)
end
redis.call('INCRBY', staged, #doc + #raw)
local n = tonumber(ARGV[at])
at = at + 1
-- this state came from Postgres after Redis lost its own (track.lua): what is found now may have been told before
local doubt = redis.call('HGET', product, 'doubt')
-- who is to be told, should the product be tracked no more when they are (address.lua)
local names = {'channel', 'tags', 'priority', 'muted_until'}
local told = n > 0 and redis.call('HMGET', product, unpack(names))
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
if doubt and redis.call('HGET', product, 'data_state') == 'ok' then redis.call('HDEL', product, 'doubt') end

if end_lease() or not redis.call('ZSCORE', leased, member) then
  if redis.call('HGET', product, 'active') == '1' then
    -- asked for again while this check was under way: it stays due at once
    local again = redis.call('ZSCORE', poll, member)
    due_put(due, product, member, again and redis.call('TIME')[1] or ARGV[4])
    redis.call('HSET', product, 'next_check_at', again and 'now' or ARGV[6])
  end
end
return {'ok', id}
