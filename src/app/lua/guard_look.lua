-- What the guard has to do now: losses to decide, news to tell.
--
-- KEYS  guard badges due leased
-- ARGV  prefix, 1 while more answers are on their way here (what waits may then wait for them) or 0, most products
-- Gives {since ms ("" = the source is well), "begin", "end" or "" (the news that nobody told yet), lost, held, unknown, seen,
--        badges lost within ten minutes, badges under guard, {member, state, ...} of products whose losses are to be decided}.
local now = guard_now()
local newest = redis.call('ZRANGE', KEYS[1] .. ':seen', -1, -1, 'WITHSCORES')
local _, figures, answers = guard_judge(KEYS[1], KEYS[2], KEYS[3], KEYS[4], tonumber(newest[2] or '0'))
local latest = ARGV[2] == '1' and now - 60000 or now
local waiting = redis.call('ZRANGEBYSCORE', KEYS[1] .. ':waiting', '-inf', latest, 'LIMIT', 0, ARGV[3])
local guarded = redis.call('SCARD', KEYS[1] .. ':guarded')
local states = {}
for _, member in ipairs(waiting) do
  local state = redis.call('HGET', ARGV[1] .. 'product:' .. member, 'state')
  if state then
    states[#states + 1], states[#states + 2] = member, state
  else
    redis.call('ZREM', KEYS[1] .. ':waiting', member)
  end
end
local g = redis.call('HMGET', KEYS[1], 'since', 'said', 'ended', 'lost', 'held', 'unknown', 'seen')
local news = ''
if g[1] then
  -- few may stay: each of them is asked about until it is known what became of it
  local few = guarded < GUARD_MOST or guarded <= GUARD_PART * redis.call('ZCARD', KEYS[2])
  local over = few and redis.call('ZCARD', KEYS[1] .. ':waiting') == 0 and not answers
  -- nothing checked is no sign of health
  if over and figures[8] > 0 and not g[3] then redis.call('HSET', KEYS[1], 'ended', string.format('%.0f', now)) end
  if not over and g[3] then redis.call('HDEL', KEYS[1], 'ended') end
  if not g[2] then news = 'begin' elseif over and g[3] then news = 'end' end
end
return {g[1] or '', news, g[4] or '0', g[5] or '0', g[6] or '0', g[7] or '0', figures[2], guarded, states}
