-- Stands before the scripts that see a product's losses held back (scripts.c). Rule 8: the source is ill where within ten
-- minutes at least 5 badges, and more than 30 % of those held, would be lost for want of a rank; or at least 5 products, and
-- more than 30 % of those checked, have no usable answer. The minutes are those of Keepa's clock (`at`: of an answer, ms).
--
-- guard            HASH  there while it is found ill: since (ms), lost, held, unknown, seen (the figures), said, ended
-- guard:seen       ZSET  products checked, guard:unknown those without a usable answer, which they gave the time before (or,
--                        while it is found ill, gave not): score = at, of the last ten minutes
-- guard:lost       ZSET  "product:category" whose rank is gone, guard:gone those of them that were told as lost: same
-- guard:waiting    ZSET  products with losses not decided yet: score = ms of the decision, our clock
-- guard:guarded    SET   "product:category" under guard
local GUARD_MS, GUARD_MOST, GUARD_PART, GUARD_SAMPLE, GUARD_HOLD_MS = 600000, 5, 0.3, 20, 3000
local function guard_now()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local function guard_list(text) -- "category:w category:g" -> {category = "w" or "g"}
  local list = {}
  for category, kind in string.gmatch(text or '', '(%d+):(%a)') do list[category] = kind end
  return list
end
-- What a product holds back has changed; true where something new is held back.
local function guard_keep(guard, product, member, before, at)
  local text = redis.call('HGET', product, 'held_back') or ''
  if text == (before or '') then return false end
  local old, new, fresh, waiting = guard_list(before), guard_list(text), false, false
  for category, kind in pairs(new) do
    if not old[category] then
      redis.call('ZADD', guard .. ':lost', at, member .. ':' .. category)
      fresh = true
    end
    waiting = waiting or kind == 'w'
    redis.call(kind == 'g' and 'SADD' or 'SREM', guard .. ':guarded', member .. ':' .. category)
  end
  for category in pairs(old) do
    if not new[category] then
      redis.call('SREM', guard .. ':guarded', member .. ':' .. category)
      if redis.call('HEXISTS', product, 'badge:' .. category) == 1 then -- back at #1
        redis.call('ZREM', guard .. ':lost', member .. ':' .. category)
      else
        redis.call('ZADD', guard .. ':gone', at, member .. ':' .. category)
      end
    end
  end
  if waiting then redis.call('ZADD', guard .. ':waiting', guard_now() + GUARD_HOLD_MS, member) else redis.call('ZREM', guard .. ':waiting', member) end
  return fresh
end
-- The figures of the last ten minutes, and whether they say that the source is ill. Where only a part of the products was
-- checked in them, it is that part of the badges which counts, if it is large enough to tell.
local function guard_judge(guard, badges, due, leased, at)
  for _, name in ipairs({'seen', 'unknown', 'lost', 'gone'}) do
    redis.call('ZREMRANGEBYSCORE', guard .. ':' .. name, '-inf', at - GUARD_MS)
    redis.call('ZREMRANGEBYSCORE', guard .. ':' .. name, at + 86400000, '+inf') -- of an answer that had a wrong date
  end
  local lost, unknown = redis.call('ZCARD', guard .. ':lost'), redis.call('ZCARD', guard .. ':unknown')
  local seen, all = redis.call('ZCARD', guard .. ':seen'), redis.call('ZCARD', due) + redis.call('ZCARD', leased)
  local held = redis.call('ZCARD', badges) + redis.call('ZCARD', guard .. ':gone')
  if seen >= GUARD_SAMPLE and seen < all then held = math.ceil(held * seen / all) end
  local ranks = lost >= GUARD_MOST and lost > GUARD_PART * held
  local answers = unknown >= GUARD_MOST and unknown > GUARD_PART * seen
  return ranks or answers, {'lost', lost, 'held', held, 'unknown', unknown, 'seen', seen}, answers
end
local function guard_begin(guard, figures)
  if redis.call('HSETNX', guard, 'since', string.format('%.0f', guard_now())) == 1 then redis.call('HSET', guard, unpack(figures)) end
  redis.call('HDEL', guard, 'ended')
end
