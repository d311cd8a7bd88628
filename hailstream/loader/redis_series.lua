-- Puts points into the zones' series and trims all series to the last day.
--
-- KEYS[2]  newest window end seen, milliseconds
-- KEYS[3..] the series of zones
-- ARGV[at] length of a series in milliseconds
-- ARGV[at+1] number of points; then for each point:
--          index of its key, window end in milliseconds, count, version (20 digits)
--
-- A member is "window_end:count:version", its score the window end: one member
-- for each window end, the one with the highest version.
local length, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
local newest = tonumber(redis.call('GET', KEYS[2]) or '-1e18')
at = at + 2
for i = 0, count - 1 do
  local p = at + i * 4
  local key, time, version = KEYS[2 + tonumber(ARGV[p])], ARGV[p + 1], ARGV[p + 3]
  local held = redis.call('ZRANGEBYSCORE', key, time, time)
  local newer = true
  for _, member in ipairs(held) do
    newer = newer and string.sub(member, -20) < version
  end
  if newer then
    if #held > 0 then
      redis.call('ZREMRANGEBYSCORE', key, time, time)
    end
    redis.call('ZADD', key, time, time .. ':' .. ARGV[p + 2] .. ':' .. version)
  end
  newest = math.max(newest, tonumber(time))
end
redis.call('SET', KEYS[2], string.format('%.0f', newest))
-- Trimmed by event time: in a replay of history the wall clock would empty them.
for i = 3, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', newest - length))
end
return {'done'}
