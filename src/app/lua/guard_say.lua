-- Tells that the source is ill, or that it is well again: once, by one daemon.
--
-- KEYS  guard outbox untold
-- ARGV  "begin" or "end", since (of the guard that was looked at), id ("" = there is nobody to tell), key, headline, lines
-- Gives 1 if it was this daemon's to tell.
if redis.call('HGET', KEYS[1], 'since') ~= ARGV[2] then return 0 end
if ARGV[1] == 'begin' then
  if redis.call('HSETNX', KEYS[1], 'said', '1') == 0 then return 0 end
else
  if redis.call('HEXISTS', KEYS[1], 'ended') == 0 then return 0 end
  redis.call('DEL', KEYS[1])
end
if ARGV[3] ~= '' and redis.call('SADD', KEYS[3], ARGV[3]) == 1 then
  redis.call('XADD', KEYS[2], '*', 'check', ARGV[4], 'of', '1', 'id', ARGV[3], 'kind', 'system', 'headline', ARGV[5], 'lines', ARGV[6])
end
return 1
