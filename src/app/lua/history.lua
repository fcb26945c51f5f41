-- Reads the history for its one writer, the oldest entries first, whoever has read them before. So nothing is in Postgres
-- before what was staged before it: Redis may be emptied at any moment, and a state that came back from Postgres must not
-- be newer than a change that no row tells.
--
-- KEYS  stream, writer
-- ARGV  group, consumer, most, cursor (the oldest are next in any case), prefix, first and last id of
--       what the consumer staged and still has in memory ("" = nothing)
-- As many as WEIGHT allows, one at least. What the consumer does not have counts READ_BACK times: it decodes it, and 2 MB would
-- hold up its loop for 100 ms.
-- Gives what XREADGROUP gives, but what the consumer has only as its "kind" and the number of its "bytes" (doc and raw);
-- nothing while another daemon, which is alive, is the writer.
local stream, writer, group, owner, most = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3])
local holder = redis.call('GET', writer)
if holder and holder ~= owner and redis.call('EXISTS', ARGV[5] .. 'daemon:' .. holder) == 1 then return false end

local WEIGHT, READ_BACK, AT_ONCE = 2097152, 8, 8 -- bytes; times; entries: what is looked at beyond the weight is read for nothing

local function not_after(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms < b_ms or (a_ms == b_ms and tonumber(a_seq) <= tonumber(b_seq))
end
local function weigh(entry)
  local fields, own, bytes = entry[2], false, 0
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'by' then own = value == owner end
    if name == 'doc' or name == 'raw' then bytes = bytes + #value end
  end
  if not (own and ARGV[6] ~= '' and not_after(ARGV[6], entry[1]) and not_after(entry[1], ARGV[7])) then return bytes * READ_BACK end
  entry[2] = {'kind', 'check', 'bytes', tostring(bytes)}
  return bytes
end
local oldest, weight, from, more = {}, 0, '-', true
while more and #oldest < most do
  local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', math.min(AT_ONCE, most - #oldest))
  more = #entries == AT_ONCE
  for _, entry in ipairs(entries) do
    weight = weight + weigh(entry)
    if weight > WEIGHT and #oldest > 0 then
      more = false
      break
    end
    oldest[#oldest + 1] = entry
    from = '(' .. entry[1]
  end
end

-- all that is returned belongs to the writer, so that the group shows how far Postgres is behind
local missing = #oldest
for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', most)) do
  local id, consumer = pending[1], pending[2]
  if #redis.call('XRANGE', stream, id, id) == 0 then
    redis.call('XACK', stream, group, id) -- deleted by hand: nobody can finish it
  else
    missing = missing - 1
    if consumer ~= owner then redis.call('XCLAIM', stream, group, owner, 0, id, 'JUSTID') end
  end
end
if missing > 0 then redis.call('XREADGROUP', 'GROUP', group, owner, 'COUNT', missing, 'STREAMS', stream, '>') end
-- given up by itself when its daemon no longer asks: it hangs, or its Postgres is away
redis.call('SET', writer, owner, 'PX', 5000)
return #oldest > 0 and {{stream, oldest}} or false
