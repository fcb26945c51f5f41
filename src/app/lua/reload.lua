-- `badgewatch reload`: asks all daemons to read their settings again.
--
-- KEYS  reload changes
-- ARGV  number of whoever asks, group, prefix
-- Gives the daemons that are there; each writes "number ok|refused text" under its name into `reload`.
redis.call('DEL', KEYS[1])
local alive, consumers = {}, redis.pcall('XINFO', 'CONSUMERS', KEYS[2], ARGV[2])
for _, consumer in ipairs(consumers.err and {} or consumers) do
  if consumer[2] ~= 'quiet' and redis.call('EXISTS', ARGV[3] .. 'daemon:' .. consumer[2]) == 1 then alive[#alive + 1] = consumer[2] end
end
if #alive > 0 then redis.call('HSET', KEYS[1], 'asked', ARGV[1]) end
return alive
