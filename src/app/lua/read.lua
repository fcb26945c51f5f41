-- Reads a stream for one consumer, and never half of a check: the changes of a check are told together, by one daemon.
--
-- KEYS  stream
-- ARGV  group, consumer, most, cursor (">" = new ones)
-- Gives what XREADGROUP gives, of one stream; a last check that `most` would have cut is completed. Entries of a check
-- follow each other: one script staged them.
local function read(most)
  return redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', most, 'STREAMS', KEYS[1], ARGV[4])
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
