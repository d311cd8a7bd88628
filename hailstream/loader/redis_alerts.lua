-- Shows alerts that are not shown yet, and publishes them.
--
-- KEYS[2..] a string for each alert, in the order in which the arguments name them
-- ARGV[at]  the channel; then for each alert: what is shown, second since 1970 until when
--
-- An alert whose time is over is not news.
local channel, now = ARGV[at], tonumber(redis.call('TIME')[1])
local key = 2
at = at + 1
while at <= #ARGV do
  local shown, left = ARGV[at], tonumber(ARGV[at + 1]) - now
  if left > 0 and redis.call('SET', KEYS[key], shown, 'NX', 'EX', left) then
    redis.call('PUBLISH', channel, shown)
  end
  key = key + 1
  at = at + 2
end
return {'done'}
