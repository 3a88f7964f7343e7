"""The scripts of `RedisLimiter`, in Lua; the server runs each atomically.

One key holds everything, so that it is lost completely or not at all. It is a sorted set of

- the slots, scored by the time when each is free again,
- `paused`, scored by minus the time before which no request may be sent,
- the epoch with the server's run id and its start, scored by 0. The run id differs after a restart
  and on another node; some providers hide it.

The first arguments of all scripts are the window, the lease, the known epoch, and a name for a new
epoch. Each returns a result and the epoch.
"""

from __future__ import annotations

TAKEN, LOST = "taken", "lost"
"""Results of the script that takes a slot."""

# A slot is free one window and one lease from now at the latest. One that is free much later shows
# that the server's clock was set back. Twice that, because processes may use different windows
# while a new version is being deployed.
_PROLOGUE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local key, per, lease, known = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local function put(member, score)
  redis.call('ZADD', key, string.format('%.6f', score), member)
end
local function pause(time)
  local paused_until = -(redis.call('ZSCORE', key, 'paused') or 0)
  if time > now and time > paused_until then put('paused', -time) end
end
local latest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2] or 0
local was_set_back = tonumber(latest) > now + 2 * (per + lease)
if was_set_back then redis.call('DEL', key) end
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or '-'
local stored = redis.call('ZRANGEBYSCORE', key, 0, 0)[1]
local epoch, writer, since = string.match(stored or '', '^(%S+) (%S+) (%S+)$')
local moved = epoch and writer ~= server
local function start_epoch()
  if stored then redis.call('ZREM', key, stored) end
  epoch, since = ARGV[4], now
  put(string.format('%s %s %.6f', epoch, server, now), 0)
end
if not epoch or moved then start_epoch() end
local lost = moved or was_set_back or (known ~= '' and known ~= epoch)
if lost then pause(since + per) end
"""

# Arguments: the slot's token, the limit, and how many slots are not free yet by the clock of the
# process. If the server has fewer, it has lost data, or its clock was set forward. Returns "taken",
# or the seconds after which to try again, or "lost" if the process has to store its slots again.
TAKE = (
    _PROLOGUE
    + """
local token, limit, least = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if known ~= '' and known ~= epoch then return {'lost', epoch} end
local paused_until = -(redis.call('ZSCORE', key, 'paused') or 0)
if paused_until > now then return {tostring(paused_until - now), epoch} end
redis.call('ZREMRANGEBYSCORE', key, '(0', string.format('%.6f', now))
local count = redis.call('ZCOUNT', key, '(0', '+inf')
if count < least then
  start_epoch()
  pause(now + per)
  return {'lost', epoch}
end
if count < limit or redis.call('ZSCORE', key, token) then -- the latter if the library repeats it
  put(token, now + per + lease)
  return {'taken', epoch}
end
local first = redis.call('ZRANGEBYSCORE', key, '(0', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {tostring(math.min(first[2] - now, per)), epoch}
"""
)

# Arguments: the seconds for which no request may be sent; then, for each slot, its token and the
# seconds until it is free again, or "remove". Removals come first: they work in a full server.
STORE = (
    _PROLOGUE
    + """
for at = 6, #ARGV, 2 do
  if ARGV[at + 1] == 'remove' then redis.call('ZREM', key, ARGV[at]) end
end
for at = 6, #ARGV, 2 do
  if ARGV[at + 1] ~= 'remove' then put(ARGV[at], now + tonumber(ARGV[at + 1])) end
end
pause(now + tonumber(ARGV[5]))
return {'', epoch}
"""
)
