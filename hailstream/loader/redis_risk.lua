-- Sets the newest risk of drivers; a driver who is forgotten goes.
--
-- KEYS[2..] a hash for each driver, in the order in which the arguments name them
-- ARGV[at..] for each driver: version, number of fields, the fields with values
--
-- A driver's rows are in one partition and so come in order; the version keeps out
-- what an earlier incarnation of the topic said. Versions compare as text.
local key = 2
while at <= #ARGV do
  local version, count = ARGV[at], tonumber(ARGV[at + 1])
  if version > (redis.call('HGET', KEYS[key], 'version') or '') then
    if count == 0 then
      redis.call('DEL', KEYS[key])
    else
      redis.call('HSET', KEYS[key], 'version', version, unpack(ARGV, at + 2, at + 1 + 2 * count))
    end
  end
  key = key + 1
  at = at + 2 + 2 * count
end
return {'done'}
