-- `badgewatch poll`: products that are to be asked about by a request begun after this moment.
--
-- KEYS  due leased poll
-- ARGV  member ..., or none: all
-- Gives {how many were marked, members that are not tracked or paused ...}.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
if #ARGV == 0 then
  -- ZRANGESTORE would be shorter, but the score must be the time of asking
  local marked = 0
  for k = 1, 2 do
    for _, member in ipairs(redis.call('ZRANGE', KEYS[k], 0, -1)) do
      redis.call('ZADD', KEYS[3], now, member)
      marked = marked + 1
    end
  end
  return {marked}
end
local answer = {0}
for _, member in ipairs(ARGV) do
  if not redis.call('ZSCORE', KEYS[1], member) and not redis.call('ZSCORE', KEYS[2], member) then
    answer[#answer + 1] = member
  end
end
if #answer == 1 then -- nothing of a call with a bad name is applied
  for _, member in ipairs(ARGV) do redis.call('ZADD', KEYS[3], now, member) end
  answer[1] = #ARGV
end
return answer
