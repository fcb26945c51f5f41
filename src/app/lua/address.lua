-- What must be known before a message is sent: where to, and what may have become of it already.
--
-- KEYS  product delivery doubt quiet digest generation
-- ARGV  check, id of its first entry, product as in "quiet", 1 (about no change: Postgres remembers no attempt) or 0
-- Gives {past, channel of the intention, its thread, attempts, ms since the first attempt, ms since the last attempt or since the doubt
--       began, now (unix ms), ms at which the quiet hours ended that it waited for ("" = it did not), 1 if others of its
--       product still wait for an end that has come (else 0),
--       and, unless the product is tracked no more: its channel, tags, priority, muted until (unix s)}: durations,
--       since no two clocks agree; whether it is quiet now all daemons ask by this one. past: "intended" (an attempt is
--       recorded, its outcome is not), "doubtful" (Redis lost data after the entry was staged; it may have been told), or "".
--       Where Postgres remembers nothing, data may be lost whenever Redis was restarted.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local p = redis.call('HMGET', KEYS[1], 'active', 'channel', 'tags', 'priority', 'muted_until')
local intention = redis.call('HGET', KEYS[2], ARGV[1])
local doubt = redis.call('GET', KEYS[3])
local past, channel, thread, attempts, first, age = '', '', '', 0, 0, 0
if intention then
  local ok, i = pcall(cjson.decode, intention)
  past = 'intended'
  if ok and type(i) == 'table' then
    channel, thread, attempts, first = i.channel or '', i.thread or '', i.attempt or 0, now - (i.first_ms or now)
    age = now - (i.last_ms or now)
  end
end
if past == '' and ARGV[4] == '1' then
  local s, us = string.match(redis.call('GET', KEYS[6]) or '', '%.(%d+)%.(%d+)$')
  local verified = s and tonumber(s) * 1000 + math.floor(tonumber(us) / 1000)
  if verified and tonumber(string.match(ARGV[2], '^(%d+)-')) < verified then past, age = 'doubtful', now - verified end
end
if past == '' and doubt then
  local ms, seq, began = string.match(doubt, '^(%d+)-(%d+) (%d+)$')
  local id_ms, id_seq = string.match(ARGV[2], '^(%d+)-(%d+)$')
  if ms and (tonumber(id_ms) < tonumber(ms) or (id_ms == ms and tonumber(id_seq) <= tonumber(seq))) then
    past, age = 'doubtful', now - tonumber(began)
  end
end
local digest, behind = redis.call('HGET', KEYS[5], ARGV[2]) or '', 0
local overdue = digest == '' and redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 1000) or {}
for _, member in ipairs(overdue) do
  if string.match(member, ' (.*)$') == ARGV[3] then behind = 1 end
end
local answer = {past, channel, thread, attempts, string.format('%.0f', first), string.format('%.0f', age),
  string.format('%.0f', now), digest, behind}
for i = 2, p[1] and 5 or 1 do answer[#answer + 1] = p[i] or '' end
return answer
