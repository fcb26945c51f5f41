-- News of a part's health: told once, by one of the daemons that see it.
--
-- KEYS  health outbox untold mark
-- ARGV  what, part, owner, prefix, ms, id, key, headline, lines
-- what: "down": the part fails; "failing": the same, but nobody can be told now; "up": it works again, said by whoever said
--       that it fails, or by anybody once that daemon is gone; "back": Redis itself, which has no memory of its own
--       absence: once in `ms`.
-- Gives 1 if the news was queued.
local what, part, owner = ARGV[1], ARGV[2], ARGV[3]
if what == 'down' or what == 'failing' then
  if redis.call('HSETNX', KEYS[1], part, owner) == 0 or what == 'failing' then return 0 end
elseif what == 'up' then
  local holder = redis.call('HGET', KEYS[1], part)
  if not holder or (holder ~= owner and redis.call('EXISTS', ARGV[4] .. 'daemon:' .. holder) == 1) then return 0 end
  redis.call('HDEL', KEYS[1], part)
elseif not redis.call('SET', KEYS[4], owner, 'NX', 'PX', ARGV[5]) then
  return 0
end
if redis.call('SADD', KEYS[3], ARGV[6]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'check', ARGV[7], 'of', '1', 'id', ARGV[6], 'kind', 'system', 'headline', ARGV[8], 'lines', ARGV[9])
return 1
