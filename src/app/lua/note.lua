-- Queues a message that is about no change, once.
--
-- KEYS  outbox untold
-- ARGV  id, kind, key, headline, lines, doubt (ms: it may have been sent since then; "" = certainly not),
--       channel (may be absent: the default one), about (may be absent: the product, "1:B0D8W1YVBX")
-- Gives 1, or 0 where it is queued already, or told and on its way to Postgres.
if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 0 end
local fields = {'check', ARGV[3], 'of', '1', 'id', ARGV[1], 'kind', ARGV[2], 'headline', ARGV[4], 'lines', ARGV[5]}
if ARGV[6] ~= '' then
  fields[#fields + 1] = 'doubt'
  fields[#fields + 1] = ARGV[6]
end
if (ARGV[7] or '') ~= '' then
  fields[#fields + 1] = 'channel'
  fields[#fields + 1] = ARGV[7]
end
if (ARGV[8] or '') ~= '' then
  fields[#fields + 1] = 'about'
  fields[#fields + 1] = ARGV[8]
end
redis.call('XADD', KEYS[1], '*', unpack(fields))
return 1
