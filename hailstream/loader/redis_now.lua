-- Sets the newest values of zones.
--
-- KEYS[2]  hash of ranks, field "metric zone", value the rank of what is shown
-- KEYS[3..] the value keys, in the order in which the arguments name them
-- ARGV[at] seconds that a value lives; then for each zone:
--          field, rank, number of values, the values ('' deletes the key)
--
-- A rank is window end and version in fixed width, so that ranks compare as
-- text; numbers would not do, they are doubles here. Ranks do not expire: a
-- value that has expired must not give way to an older one.
local ranks, ttl = KEYS[2], ARGV[at]
local key = 3
at = at + 1
while at <= #ARGV do
  local field, rank, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if rank > (redis.call('HGET', ranks, field) or '') then
    redis.call('HSET', ranks, field, rank)
    for i = 0, count - 1 do
      local value = ARGV[at + 3 + i]
      if value == '' then
        redis.call('DEL', KEYS[key + i])
      else
        redis.call('SET', KEYS[key + i], value, 'EX', ttl)
      end
    end
  end
  key = key + count
  at = at + 3 + count
end
return {'done'}
