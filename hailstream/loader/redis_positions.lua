-- Common beginning of the sinks' scripts: writes only if Redis still stands
-- where this loader left it, and moves its position on in the same step, so
-- that values and position are lost or kept together.
--
-- KEYS[1]  hash of positions, field "topic partition", value "topic_id offset"
-- ARGV[1]  number of positions n, then n times: field, expected value, new value
local positions = KEYS[1]
local n = tonumber(ARGV[1])
for i = 0, n - 1 do
  local held = redis.call('HGET', positions, ARGV[2 + i * 3]) or ''
  if held ~= ARGV[3 + i * 3] then
    return {'moved', ARGV[2 + i * 3], held}
  end
end
for i = 0, n - 1 do
  redis.call('HSET', positions, ARGV[2 + i * 3], ARGV[4 + i * 3])
end
local at = 2 + n * 3
