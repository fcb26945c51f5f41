-- Takes over the entries that a dead daemon had read from a stream and never finished.
--
-- KEYS  stream
-- ARGV  prefix, group, owner
-- Gives how many were taken; the owner then reads them as its own pending entries. Those of "quiet" wait (park.lua).
local stream, prefix, group, owner = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local taken = 0
local function claim(ids)
  ids[#ids + 1] = 'JUSTID'
  return redis.call('XCLAIM', stream, group, owner, 0, unpack(ids))
end
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local name, pending = consumer[2], consumer[4]
  if name ~= owner and name ~= 'quiet' and redis.call('EXISTS', prefix .. 'daemon:' .. name) == 0 then
    if pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
    else
      -- all of them, so that no check is divided among daemons; what one has read is bounded (notifier.c, writer.c)
      local more
      repeat
        local ids = {}
        for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', 1000, name)) do ids[#ids + 1] = entry[1] end
        more = #ids == 1000
        if #ids > 0 then taken = taken + #claim(ids) end
      until not more
    end
  end
end
return taken
