-- Sets the newest surge price of zones, and publishes those that changed.
--
-- KEYS[2]  hash of ranks, field "surge zone", value the rank of what is shown
-- KEYS[3..] a hash for each zone, in the order in which the arguments name them
-- ARGV[at] seconds that a price lives, ARGV[at + 1] the channel; then for each
--          zone: rank field, rank, event, number of fields, the fields with values
--
-- An event is published when the multiplier is another one than what is shown;
-- a zone of which nothing is shown has 1.0. Ranks compare as text, and do not expire.
local ranks, ttl, channel = KEYS[2], ARGV[at], ARGV[at + 1]
local key = 3
at = at + 2
while at <= #ARGV do
  local field, rank, event, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  if rank > (redis.call('HGET', ranks, field) or '') then
    redis.call('HSET', ranks, field, rank)
    local before = redis.call('HGET', KEYS[key], 'multiplier') or '1.0'
    redis.call('HSET', KEYS[key], unpack(ARGV, at + 4, at + 3 + 2 * count))
    redis.call('EXPIRE', KEYS[key], ttl)
    if redis.call('HGET', KEYS[key], 'multiplier') ~= before then
      redis.call('PUBLISH', channel, event)
    end
  end
  key = key + 1
  at = at + 4 + 2 * count
end
return {'done'}
