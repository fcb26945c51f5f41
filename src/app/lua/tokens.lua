-- A request to Keepa begins that no claim reserved tokens for, or one has ended: then they are reserved no longer, and what
-- its answer told of the bucket is there for all daemons of this key.
--
-- KEYS  tokens spending
-- ARGV  owner, tokens more (or, negative, less) that its requests under way may cost, or "=" and all that they may,
--       number of the state of the bucket that it knows,
--       ms since the answer came, ms since its request began, ms of the answer by Keepa's clock (0 = it did not say),
--       "left" value, field value ... (none: no answer)
-- Gives the new number of the state, or 0: another daemon changed it since, claim.lua tells what it is.
-- An answer that Keepa made before the one that is stored is older news, however late it comes; of two of the same moment,
-- under way together, the one with more tokens was made first (core/bucket.c).
local tokens, spending = KEYS[1], KEYS[2]
local t = redis.call('TIME')
local now_ms = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local at_ms, asked_ms = now_ms - tonumber(ARGV[4]), now_ms - tonumber(ARGV[5])
if #ARGV > 6 then
  local known = redis.call('HMGET', tokens, 'stamp_ms', 'at_ms', 'left')
  local stamp, stored, stored_at = tonumber(ARGV[6]), tonumber(known[1] or '') or 0, tonumber(known[2] or '') or 0
  local behind = stamp ~= 0 and stored ~= 0 and stored - stamp or 0
  local older = behind > 0 and behind < 600000 -- more than that: Keepa's clock was set
  if stamp ~= 0 and stamp == stored then
    older = asked_ms < stored_at and stored_at <= now_ms and tonumber(ARGV[8]) > (tonumber(known[3] or '') or 0)
  elseif behind == 0 then
    older = at_ms < stored_at and stored_at <= now_ms
  end
  if not older then
    redis.call('HSET', tokens, 'at_ms', string.format('%.0f', at_ms), 'stamp_ms', ARGV[6], unpack(ARGV, 7))
  end
end
local all = string.match(ARGV[2], '^=(.+)$')
if all then redis.call('HSET', spending, ARGV[1], all) end
if redis.call('HINCRBY', spending, ARGV[1], all and 0 or ARGV[2]) <= 0 then redis.call('HDEL', spending, ARGV[1]) end
local known = (redis.call('HGET', tokens, 'seq') or '0') == ARGV[3]
local seq = redis.call('HINCRBY', tokens, 'seq', 1)
return known and seq or 0
