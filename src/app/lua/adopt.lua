-- Takes over the entries that a dead daemon had read from a stream and never finished.
--
-- KEYS  stream
-- ARGV  prefix, group, owner
-- Gives how many were taken; the owner then reads them as its own pending entries.
return take_over(KEYS[1], ARGV[2], ARGV[3], ARGV[1], 'dead')
