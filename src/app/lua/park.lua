-- A message waits until quiet hours are over: its entries stay where they are in the stream, but belong to nobody's memory.
--
-- KEYS  changes quiet digest delivery
-- ARGV  group, owner, ms at which the quiet hours end, product,
--       1 (no earlier attempt can be out: its intention is dropped) or 0,
--       n, check ... (n of them), id of an entry ...
-- Gives "ok", or "theirs": an entry is not the owner's any more.
-- "quiet" holds "id product" by the end of its hours; the entries are pending for a consumer of that name, which no daemon
-- has, so that they count as not told, and are not trimmed (told.lua).
local group, owner, n, ids = ARGV[1], ARGV[2], tonumber(ARGV[6]), {}
for i = 7 + n, #ARGV do
  if #redis.call('XPENDING', KEYS[1], group, ARGV[i], ARGV[i], 1, owner) == 0 then return 'theirs' end
  ids[#ids + 1] = ARGV[i]
end
for _, id in ipairs(ids) do
  redis.call('XCLAIM', KEYS[1], group, 'quiet', 0, id, 'JUSTID')
  redis.call('ZADD', KEYS[2], ARGV[3], id .. ' ' .. ARGV[4])
  redis.call('HDEL', KEYS[3], id)
end
for i = 7, ARGV[5] == '1' and 6 + n or 6 do redis.call('HDEL', KEYS[4], ARGV[i]) end
return 'ok'
