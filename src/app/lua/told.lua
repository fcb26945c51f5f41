-- Slack has these changes (or nobody wants them): one step from "to be told" to "recorded".
--
-- KEYS  changes delivery history staged_bytes untold digest
-- ARGV  group, kind of the entry of history ("told", "note"), its doc ("" = Postgres has it), keep (newest entries),
--       n, check ... (n of them), {id, change id or ""} ...
-- A change stays in "untold" until Postgres knows that it was told (written.lua); where a change id is given, it does.
-- The newest entries stay for people to read, once they are done: only what is older than the oldest entry that
-- is still to be told, and than the oldest that Postgres does not have, is trimmed.
local changes, delivery, history, staged, untold = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if ARGV[3] ~= '' then
  redis.call('XADD', history, '*', 'kind', ARGV[2], 'doc', ARGV[3])
  redis.call('INCRBY', staged, #ARGV[3])
end
local ids, n = {}, tonumber(ARGV[5])
for i = 6 + n, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
  if ARGV[i + 1] ~= '' then redis.call('SREM', untold, ARGV[i + 1]) end
end
redis.call('XACK', changes, ARGV[1], unpack(ids))
redis.call('HDEL', KEYS[6], unpack(ids))
for i = 6, 5 + n do redis.call('HDEL', delivery, ARGV[i]) end

local extra = redis.call('XLEN', changes) - tonumber(ARGV[4])
if extra <= 0 then return 0 end
-- at most 500 a call: bounded work, and each call records fewer than that
local oldest = redis.call('XRANGE', changes, '-', '+', 'COUNT', math.min(extra, 500))
-- pcall: a group that is gone must not fail a script that has already written
local waiting, groups = redis.pcall('XPENDING', changes, ARGV[1]), redis.pcall('XINFO', 'GROUPS', changes)
if waiting.err or groups.err then return 0 end
local pending = waiting[2]
local unread = '0-0'
for _, group in ipairs(groups) do
  if group[2] == ARGV[1] then unread = group[8] end
end
local unstored = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)[1]
local function before(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  return tonumber(am) < tonumber(bm) or (am == bm and tonumber(as) < tonumber(bs))
end
local gone = {}
for _, entry in ipairs(oldest) do
  local id = entry[1]
  if (pending and not before(id, pending)) or not before(id, unread) or (unstored and not before(id, unstored[1])) then break end
  gone[#gone + 1] = id
end
if #gone > 0 then redis.call('XDEL', changes, unpack(gone)) end
return #gone
