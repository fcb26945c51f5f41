-- Reads a stream for the one daemon that tells, and never half of a check: the changes of a check are told together.
--
-- One daemon tells, all others wait: else what one of them holds back for Slack would be overtaken by what another finds of
-- the same product. It is the one that asked last, and each of its questions keeps the part for it; when it has not asked for
-- three seconds, or its daemon has said farewell, the next that asks tells, beginning with what the other had not finished.
--
-- KEYS  stream, teller
-- ARGV  group, consumer, most (0 = it has enough, and keeps its part), cursor (">" = new ones), prefix
-- Gives what XREADGROUP gives, of one stream; a last check that `most` would have cut is completed. Entries of a check
-- follow each other: one script staged them. Gives "other" while another daemon tells, and a number when so many entries were
-- taken over: they are next, with the consumer's other pending ones.
local stream, teller, group, owner, prefix = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[5]
local holder = redis.call('GET', teller)
local function lives(name) return redis.call('EXISTS', prefix .. 'daemon:' .. name) == 1 end
-- just after Redis was emptied nobody has said that he lives
if holder and holder ~= owner and (lives(holder) or not lives(owner)) then
  redis.call('XGROUP', 'CREATECONSUMER', stream, group, owner) -- seen by reload.lua
  return 'other'
end
redis.call('SET', teller, owner, 'PX', 3000)
local taken = take_over(stream, group, owner, prefix, 'all')
if taken > 0 then return taken end
if ARGV[3] == '0' then return false end

local function read(most)
  return redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', most, 'STREAMS', stream, ARGV[4])
end
local answer = read(ARGV[3])
if not answer or ARGV[4] ~= '>' then return answer end
local list = answer[1][2]
local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end
local check, of, have = field(list[#list], 'check'), tonumber(field(list[#list], 'of') or ''), 0
if not check or not of then return answer end
for i = #list, 1, -1 do
  if field(list[i], 'check') ~= check then break end
  have = have + 1
end
local more = of > have and read(of - have)
if more then
  for _, entry in ipairs(more[1][2]) do list[#list + 1] = entry end
end
return answer
