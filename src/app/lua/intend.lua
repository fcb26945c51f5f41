-- Records that a message is about to be sent, before it is: who finds this after a crash knows that it may be out.
--
-- KEYS  changes delivery epoch unconfirmed generation
-- ARGV  group, owner, channel, ms since the first attempt ("0": this is it), attempt, Postgres knows the intention (1/0),
--       the message in whose thread it is to stand ("" = in the channel), n, check ... (n of them; many where changes go out together), id of an entry ...
-- Gives {"ok", generation, "1" if messages were sent that Postgres may not know of, else "0"}; {"epoch"}: Redis came back
-- and was not verified yet; {"theirs"}: an entry is not the owner's any more (another daemon took it over, or Redis was
-- emptied), so he must not send.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[3]) ~= run then return {'epoch'} end
local n = tonumber(ARGV[8])
for i = 9 + n, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 0 then return {'theirs'} end
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local intention = cjson.encode({
  state = 'sending', owner = ARGV[2], channel = ARGV[3], thread = ARGV[7], attempt = tonumber(ARGV[5]),
  first_ms = now - tonumber(ARGV[4]), last_ms = now})
for i = 9, 8 + n do redis.call('HSET', KEYS[2], ARGV[i], intention) end
if ARGV[6] == '0' then redis.call('SET', KEYS[4], string.format('%.0f', now), 'NX') end
return {'ok', redis.call('GET', KEYS[5]) or '', tostring(redis.call('EXISTS', KEYS[4]))}
