-- Stands before each script that changes who waits for a check (scripts.c). A product that waits is in `due`, and once more
-- in one of nine sets by its priority, due:1 to due:9 (the last one for all lower ones too): so a claim finds the highest
-- priority among 100,000 due products without reading them. Only these functions write those sets.
local DUE_CLASSES = 9
local function due_class(due, priority)
  local p = math.floor(tonumber(priority or '') or 5)
  return due .. ':' .. math.max(1, math.min(p, DUE_CLASSES))
end
local function due_class_of(due, product) return due_class(due, redis.call('HGET', product, 'priority')) end
-- priority: of the product, where it is known; else nil.
local function due_put(due, product, member, score, priority)
  redis.call('ZADD', due, score, member)
  redis.call('ZADD', priority and due_class(due, priority) or due_class_of(due, product), score, member)
end
local function due_drop(due, product, member)
  redis.call('ZREM', due, member)
  redis.call('ZREM', due_class_of(due, product), member)
end
