-- Brings entries that were set aside back to where they came from, once what was wrong is mended (a newer badgewatch, a row
-- that Postgres takes now). What is still wrong is set aside again.
--
--   redis-cli --eval tools/put-back.lua bw:set_aside bw:staged_bytes          all of them, at most 1000
--   redis-cli --eval tools/put-back.lua bw:set_aside bw:staged_bytes , ID     one: its id in bw:set_aside
--
-- Gives how many were put back.
local aside, staged = KEYS[1], KEYS[2]
local put = 0
for _, entry in ipairs(redis.call('XRANGE', aside, ARGV[1] or '-', ARGV[1] or '+', 'COUNT', 1000)) do
  local fields, bytes = {}, 0
  local from = entry[2][2] -- from, id, why, and then the fields it had
  for i = 7, #entry[2], 2 do
    local name, value = entry[2][i], entry[2][i + 1]
    fields[#fields + 1] = name
    fields[#fields + 1] = value
    if name == 'doc' or name == 'raw' then bytes = bytes + #value end
  end
  redis.call('XADD', from, '*', unpack(fields))
  if string.match(from, ':history$') then redis.call('INCRBY', staged, bytes) end
  redis.call('XDEL', aside, entry[1])
  put = put + 1
end
return put
