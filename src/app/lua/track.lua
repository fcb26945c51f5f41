-- Makes Redis agree with one row of tracked_asins; restores the state from Postgres where it is the newer one.
--
-- KEYS  product tracked due leased badges lost epoch unconfirmed
-- ARGV  member, active (1/0), now (unix s), slot (unix s: next check by the frequency),
--       n, field value ... of how it is tracked
--       n, field value ... of the stored state ("version", "state", ...; n = 0: none), n, category since ... badges,
--       ms of the check that the stored state is of
local product, tracked, due, leased, badges = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local member, active = ARGV[1], ARGV[2] == '1'
local at = 5
local function values()
  local n, list = tonumber(ARGV[at]), {}
  for i = 1, n do list[i] = ARGV[at + i] end
  at = at + n + 1
  return list
end
redis.call('ZADD', tracked, 0, member)
local class = due_class_of(due, product)
redis.call('HSET', product, 'active', ARGV[2], unpack(values()))
local state, held = values(), values()
local version = 0
for i = 1, #state, 2 do
  if state[i] == 'version' then version = tonumber(state[i + 1]) end
end
-- the newer state wins: Redis may be ahead of Postgres (history waits), or behind it (emptied, or an older snapshot)
if version > tonumber(redis.call('HGET', product, 'version') or '0') then
  redis.call('HSET', product, 'doubt', ARGV[at], unpack(state))
  redis.call('SET', KEYS[6], '1') -- verified.lua makes the doubt of it
  badges_replace(badges, product, member, held)
end
-- it may be Redis' older state all the same, and Postgres is not ahead since it was away (verified.lua)
local since = tonumber(redis.call('GET', KEYS[8]) or '')
if since and string.find(redis.call('GET', KEYS[7]) or '', '^verifying') and redis.call('HEXISTS', product, 'version') == 1 then
  local doubt = tonumber(redis.call('HGET', product, 'doubt') or '')
  redis.call('HSET', product, 'doubt', string.format('%.0f', math.min(doubt or since, since)))
end
if due_class_of(due, product) ~= class then redis.call('ZREM', class, member) end
if not active then
  due_drop(due, product, member)
elseif not redis.call('ZSCORE', leased, member) then
  -- new, resumed, or Redis was emptied: look at once; and not later than its frequency, which may have become higher
  local score = tonumber(redis.call('ZSCORE', due, member) or ARGV[3])
  due_put(due, product, member, math.min(score, tonumber(ARGV[4])))
end
return 'ok'
