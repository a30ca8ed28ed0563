// The stored form of access control lists in Redis and the key-value engines. JuiceFS: pkg/acl, Rule.Encode.
import { VolumeError } from '../volume.ts';
import type { AclContent, AclEntry, AclRule } from './engine.ts';

const ENTRY_BYTES = 6;

/** A rule's value; its number is in the key. */
export function encodeAclRule(rule: AclContent): Buffer {
  const bytes = Buffer.alloc(8 + 4 + rule.users.length * ENTRY_BYTES + 4 + rule.groups.length * ENTRY_BYTES);
  let at = 0;
  for (const value of [rule.owner, rule.group, rule.mask, rule.other]) at = bytes.writeUInt16BE(value & 0xffff, at);
  for (const entries of [rule.users, rule.groups]) {
    at = bytes.writeUInt32BE(entries.length, at);
    for (const { id, perm } of entries) at = bytes.writeUInt16BE(perm, bytes.writeUInt32BE(id, at));
  }
  return bytes;
}

/** A rule out of its value; EIO when it is cut. */
export function decodeAclRule(id: number, bytes: Buffer): AclRule {
  try {
    const [users, at] = readEntries(bytes, 8);
    const [groups] = readEntries(bytes, at);
    return {
      id,
      owner: bytes.readUInt16BE(0),
      group: bytes.readUInt16BE(2),
      mask: bytes.readUInt16BE(4),
      other: bytes.readUInt16BE(6),
      users,
      groups,
    };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new VolumeError('EIO', `the access control list ${id} is cut`, { cause });
  }
}

function readEntries(bytes: Buffer, start: number): [AclEntry[], number] {
  const count = bytes.readUInt32BE(start);
  const entries: AclEntry[] = [];
  let at = start + 4;
  for (let i = 0; i < count; i++, at += ENTRY_BYTES) {
    entries.push({ id: bytes.readUInt32BE(at), perm: bytes.readUInt16BE(at + 4) });
  }
  return [entries, at];
}
