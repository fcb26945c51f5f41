-- Makes what other readers had read from a stream and not finished the owner's own; gives how many entries. Those of "quiet"
-- wait (park.lua). A reader whose daemon is gone is forgotten once it has nothing left. whose: "all", or only those of the
-- dead.
local function take_over(stream, group, owner, prefix, whose)
  local taken, readers = 0, redis.pcall('XINFO', 'CONSUMERS', stream, group)
  for _, reader in ipairs(readers.err and {} or readers) do
    local name, pending = reader[2], reader[4]
    local mine = name == owner or name == 'quiet'
    local dead = not mine and redis.call('EXISTS', prefix .. 'daemon:' .. name) == 0
    if dead and pending == 0 then redis.call('XGROUP', 'DELCONSUMER', stream, group, name) end
    -- all of them, so that no check is divided among daemons; what one has read is bounded (notifier.c, writer.c)
    while pending > 0 and not mine and (dead or whose == 'all') do
      local ids = {}
      for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', 1000, name)) do ids[#ids + 1] = entry[1] end
      pending = #ids == 1000 and #ids or 0
      ids[#ids + 1] = 'JUSTID'
      if #ids > 1 then taken = taken + #redis.call('XCLAIM', stream, group, owner, 0, unpack(ids)) end
    end
  end
  return taken
end
