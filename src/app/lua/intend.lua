-- Records that a message is about to be sent, before it is: who finds this after a crash knows that it may be out.
--
-- KEYS  changes delivery epoch
-- ARGV  group, owner, check, channel, ms of the first attempt by somebody's clock or "0", attempt, id ...
-- Gives "ok"; "epoch": Redis came back and was not verified yet; "theirs": an entry is not the owner's any more (another
-- daemon took it over, or Redis was emptied), so he must not send.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[3]) ~= run then return 'epoch' end
for i = 7, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 0 then return 'theirs' end
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local first = tonumber(ARGV[5])
redis.call('HSET', KEYS[2], ARGV[3], cjson.encode({
  state = 'sending', owner = ARGV[2], channel = ARGV[4], attempt = tonumber(ARGV[6]),
  first_ms = first > 0 and first or now, last_ms = now}))
return 'ok'
