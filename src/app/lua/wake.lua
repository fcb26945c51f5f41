-- Quiet hours are over: what waited for their end becomes the owner's, who reads it with his other pending entries. One
-- daemon gets all that is due together, so that it is told together.
--
-- KEYS  changes quiet digest teller
-- ARGV  group, owner, most, 1 (all are due now: the rules changed, and are asked anew) or 0
-- Gives how many entries became the owner's; -1 where another daemon tells (read.lua). "digest" says of each when its quiet
-- hours ended, until it is told.
if redis.call('GET', KEYS[4]) ~= ARGV[2] then return -1 end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
if ARGV[4] == '1' then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do redis.call('ZADD', KEYS[2], now, member) end
end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local taken = 0
for i = 1, #due, 2 do
  local id = string.match(due[i], '^(%S+)')
  -- told meanwhile by a daemon that knows of no quiet hours, or deleted by hand: then it is nobody's
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, 'quiet') == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
    redis.call('HSET', KEYS[3], id, due[i + 1])
    taken = taken + 1
  end
  redis.call('ZREM', KEYS[2], due[i])
end
return taken
