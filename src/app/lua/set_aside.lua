-- An entry that nobody can read or store: kept where a person finds it, out of the way of the others.
--
-- KEYS  stream set_aside staged_bytes
-- ARGV  group, id, why, bytes ("0" for streams that are not counted)
-- A change that is set aside stays in "untold": it is told no more unless a person brings the entry back.
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if entry then
  redis.call('XADD', KEYS[2], '*', 'from', KEYS[1], 'id', ARGV[2], 'why', ARGV[3], unpack(entry[2]))
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
if entry and ARGV[4] ~= '0' then redis.call('DECRBY', KEYS[3], ARGV[4]) end
return entry and 1 or 0
