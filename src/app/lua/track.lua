-- Makes Redis agree with rows of tracked_asins; restores states from Postgres where they are the newer ones. Many rows a
-- call: 100,000 of them are read again when many were edited, and what a call costs by itself is half of a row's cost.
--
-- KEYS  tracked due leased badges lost epoch unconfirmed guard quiet
-- ARGV  prefix, now (unix s), and for each row:
--       member, active (1/0), slot (unix s: next check by the frequency),
--       n, field value ... of how it is tracked
--       n, field value ... of the stored state ("version", "state", ...; n = 0: none), n, category since ... badges,
--       ms of the check that the stored state is of
local tracked, due, leased, badges = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local at = 3
local function value()
  at = at + 1
  return ARGV[at - 1]
end
local function values()
  local n, list = tonumber(value()), {}
  for i = 1, n do list[i] = ARGV[at + i - 1] end
  at = at + n
  return list
end
-- it may be Redis' older state that is there, and Postgres is not ahead since it was away (verified.lua)
local since = tonumber(redis.call('GET', KEYS[7]) or '')
if since and not string.find(redis.call('GET', KEYS[6]) or '', '^verifying') then since = nil end

local moved = {} -- products whose alerts may have another route than before
local function track()
  local member, active, slot = value(), value(), tonumber(value())
  local product = ARGV[1] .. 'product:' .. member
  redis.call('ZADD', tracked, 0, member)
  local class = due_class_of(due, product)
  local was = redis.call('HMGET', product, 'channel', 'tags')
  redis.call('HSET', product, 'active', active, unpack(values()))
  local is = redis.call('HMGET', product, 'channel', 'tags')
  if was[2] and (was[1] ~= is[1] or was[2] ~= is[2]) then moved[member] = true end
  local state, held, checked = values(), values(), value()
  local version = 0
  for i = 1, #state, 2 do
    if state[i] == 'version' then version = tonumber(state[i + 1]) end
  end
  -- the newer state wins: Redis may be ahead of Postgres (history waits), or behind it (emptied, or an older snapshot)
  if version > 0 and version > tonumber(redis.call('HGET', product, 'version') or '0') then
    local held_back, now = redis.call('HGET', product, 'held_back'), guard_now()
    redis.call('HSET', product, 'doubt', checked, unpack(state))
    redis.call('SET', KEYS[5], '1') -- verified.lua makes the doubt of it
    badges_replace(badges, product, member, held)
    guard_keep(KEYS[8], product, member, held_back, now)
    -- Redis has forgotten that the source was found ill, and that this was told
    if string.find(redis.call('HGET', product, 'held_back') or '', ':g') and
       redis.call('HSETNX', KEYS[8], 'since', string.format('%.0f', now)) == 1 then
      redis.call('HSET', KEYS[8], 'said', '1')
    end
  end
  if since and redis.call('HEXISTS', product, 'version') == 1 then
    local doubt = tonumber(redis.call('HGET', product, 'doubt') or '')
    redis.call('HSET', product, 'doubt', string.format('%.0f', math.min(doubt or since, since)))
  end
  if due_class_of(due, product) ~= class then redis.call('ZREM', class, member) end
  if active ~= '1' then
    due_drop(due, product, member)
  elseif not redis.call('ZSCORE', leased, member) then
    -- new, resumed, or Redis was emptied: look at once; and not later than its frequency, which may have become higher
    local score = tonumber(redis.call('ZSCORE', due, member) or ARGV[2])
    due_put(due, product, member, math.min(score, slot))
  end
end
while at <= #ARGV do track() end
-- what waits for the quiet hours of the old route asks for the new one (wake.lua)
for _, waiting in ipairs(next(moved) and redis.call('ZRANGE', KEYS[9], 0, -1) or {}) do
  if moved[string.match(waiting, ' (.*)$')] then
    redis.call('ZADD', KEYS[9], string.format('%.0f', guard_now()), waiting)
  end
end
return 'ok'
