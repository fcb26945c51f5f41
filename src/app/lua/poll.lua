-- `badgewatch poll`: products that are to be asked about by a request begun after this moment.
--
-- KEYS  due leased poll
-- ARGV  member ..., or none: all
-- Gives {how many were marked, members that are not tracked or paused ...}.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
-- Many in one command: Redis does nothing else while 100,000 products are marked.
local function mark(members)
  for from = 1, #members, 1000 do
    local list = {}
    for i = from, math.min(from + 999, #members) do
      list[#list + 1] = now
      list[#list + 1] = members[i]
    end
    redis.call('ZADD', KEYS[3], unpack(list))
  end
  return #members
end
if #ARGV == 0 then
  -- ZRANGESTORE would be shorter, but the score must be the time of asking
  return {mark(redis.call('ZRANGE', KEYS[1], 0, -1)) + mark(redis.call('ZRANGE', KEYS[2], 0, -1))}
end
local answer = {0}
for _, member in ipairs(ARGV) do
  if not redis.call('ZSCORE', KEYS[1], member) and not redis.call('ZSCORE', KEYS[2], member) then
    answer[#answer + 1] = member
  end
end
if #answer == 1 then -- nothing of a call with a bad name is applied
  answer[1] = mark(ARGV)
end
return answer
