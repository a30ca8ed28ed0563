// The two scripts that run in the Redis server: following a path in one round trip, and committing a transaction if what it
// relies on still holds. A script is atomic, and invalidates what other clients WATCH, as any change does.
import { createHash } from 'node:crypto';

export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

function script(text: string): RedisScript {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * ARGV: prefix, the inode to start from, 0 to 2 for what else is wanted, names. Answers the entry's value of each name as far as
 * they lead, and then, if all did: the attributes of the last inode; from 1 on its extended attributes; from 2 on the records of
 * its first chunk. Inodes from 2^53 on (of the trash) are not followed: Lua's numbers cannot hold them.
 */
export const WALK = script(`
local prefix, parent, wanted = ARGV[1], ARGV[2], ARGV[3]
local found = {}
for i = 4, #ARGV do
  local entry = redis.call('HGET', prefix .. 'd' .. parent, ARGV[i])
  if not entry then return found end
  found[#found + 1] = entry
  local inode = 0
  for byte = 2, 9 do inode = inode * 256 + string.byte(entry, byte) end
  if inode >= 9007199254740992 then return found end
  parent = string.format('%.0f', inode)
  if i == #ARGV then
    found[#found + 1] = redis.call('GET', prefix .. 'i' .. parent)
    if wanted ~= '0' then found[#found + 1] = redis.call('HGETALL', prefix .. 'x' .. parent) end
    if wanted == '2' and string.byte(entry, 1) == 1 then
      found[#found + 1] = table.concat(redis.call('LRANGE', prefix .. 'c' .. parent .. '_0', 0, -1))
    end
  elseif string.byte(entry, 1) ~= 2 then
    return found
  end
end
return found
`);

/** ARGV: prefix, an inode. Answers its attributes and the records of its first chunk, as of one moment. */
export const FILE = script(`
local prefix, inode = ARGV[1], ARGV[2]
local node = redis.call('GET', prefix .. 'i' .. inode)
if not node then return {} end
return {node, table.concat(redis.call('LRANGE', prefix .. 'c' .. inode .. '_0', 0, -1))}
`);

/**
 * ARGV: prefix, the inode to start from, key and field of an entry elsewhere, names. Answers that entry; the entry's value of each
 * name as far as they lead; the attributes of the last two inodes, of the last first; the space that the statistics count for these
 * two and for the inode elsewhere, which is of the trash; and the hash of the quotas. What is not there is an empty text.
 */
export const PATH = script(`
local prefix, parent = ARGV[1], ARGV[2]
local found = {redis.call('HGET', ARGV[3], ARGV[4]) or ''}
local before
for i = 5, #ARGV do
  local entry = redis.call('HGET', prefix .. 'd' .. parent, ARGV[i])
  found[#found + 1] = entry or ''
  if not entry then break end
  local inode = 0
  for byte = 2, 9 do inode = inode * 256 + string.byte(entry, byte) end
  if inode >= 9007199254740992 then break end
  before = parent
  parent = string.format('%.0f', inode)
  if string.byte(entry, 1) ~= 2 then break end
end
found[#found + 1] = redis.call('GET', prefix .. 'i' .. parent) or ''
found[#found + 1] = before and redis.call('GET', prefix .. 'i' .. before) or ''
local trash = ''
if string.byte(found[1], 2) == 127 then
  local low = 0
  for byte = 6, 9 do low = low * 256 + string.byte(found[1], byte) end
  -- The upper half in digits: 922337203 and 2559808512. No number of Lua holds them together.
  trash = '922337203' .. string.format('%010.0f', 2559808512 + low)
end
for _, space in ipairs(redis.call('HMGET', prefix .. 'dirUsedSpace', parent, before or '', trash)) do
  found[#found + 1] = space or ''
end
found[#found + 1] = redis.call('HGETALL', prefix .. 'dirQuota')
return found
`);

/** ARGV: keys of hashes. Answers the fields and values of each. */
export const HASHES = script(`
local found = {}
for i = 1, #ARGV do found[i] = redis.call('HGETALL', ARGV[i]) end
return found
`);

/**
 * ARGV: packed words (see PackedWords), which are the number of checks, four words each (kind, key, field, expected: '-' for nothing,
 * else '+' and the value); then commands, each after the number of its words. Answers 1, or the kind of the check that failed.
 *
 * Beside Redis's own, there is the command TOUCH (key, change of the link count, 24 bytes of mtime and ctime), so that changes
 * of one directory do not overwrite each other.
 */
export const COMMIT = script(`
local packed, checks, at = ARGV[1], struct.unpack('>I4c0', ARGV[1])
for _ = 1, tonumber(checks) do
  local kind, key, field, expected, found
  kind, key, field, expected, at = struct.unpack('>I4c0I4c0I4c0I4c0', packed, at)
  if kind == 'get' then found = redis.call('GET', key)
  elseif kind == 'hget' then found = redis.call('HGET', key, field)
  elseif kind == 'held' then found = redis.call('GETRANGE', key, 0, 2) .. redis.call('GETRANGE', key, 63, 70)
  elseif kind == 'hlen' then found = tostring(redis.call('HLEN', key))
  elseif kind == 'list' then found = table.concat(redis.call('LRANGE', key, 0, -1))
  elseif kind == 'score' then found = redis.call('ZSCORE', key, field)
  end
  if found then found = '+' .. found else found = '-' end
  if found ~= expected then return kind end
end
local forms = {}
while at <= #packed do
  local count
  count, at = struct.unpack('>I4c0', packed, at)
  local words = tonumber(count)
  forms[words] = forms[words] or '>' .. string.rep('I4c0', words)
  local command = {struct.unpack(forms[words], packed, at)}
  at = command[words + 1]
  if command[1] == 'TOUCH' then
    local key, delta = command[2], tonumber(command[3])
    if redis.call('EXISTS', key) == 1 then
      redis.call('SETRANGE', key, 23, command[4])
      if delta ~= 0 then
        local a, b, c, d = string.byte(redis.call('GETRANGE', key, 47, 50), 1, 4)
        local links = ((a * 256 + b) * 256 + c) * 256 + d + delta
        redis.call('SETRANGE', key, 47, string.char(math.floor(links / 16777216) % 256,
          math.floor(links / 65536) % 256, math.floor(links / 256) % 256, links % 256))
      end
    end
  else
    redis.call(unpack(command, 1, words))
  end
end
return 1
`);
