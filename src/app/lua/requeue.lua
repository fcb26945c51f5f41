-- Brings changes back that Postgres does not know as told, after Redis lost data.
--
-- KEYS  changes untold lost
-- ARGV  {change id, n, field, value ... (n values)} ...
-- A change that is still queued, or told and on its way to Postgres, is left as it is. Gives how many came back.
local at, back = 1, 0
while at <= #ARGV do
  local id, n, fields = ARGV[at], tonumber(ARGV[at + 1]), {}
  for i = 1, n do fields[i] = ARGV[at + 1 + i] end
  at = at + 2 + n
  if redis.call('SADD', KEYS[2], id) == 1 then
    redis.call('XADD', KEYS[1], '*', unpack(fields))
    redis.call('SET', KEYS[3], '1') -- verified.lua makes the doubt of it
    back = back + 1
  end
end
return back
