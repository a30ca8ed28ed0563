// What a new entry gets of its directory's default access control list: its mode, and lists of its own. JuiceFS: doMknod and
// pkg/acl, Rule.ChildAccessACL.
import { VolumeError } from '../volume.ts';
import type { Change } from './change.ts';
import type { AclContent, AclEntry, AclRule, Node } from './engine.ts';
import { TYPE_DIRECTORY } from './inode.ts';

/** Stands for "not given" in a stored rule. */
const ABSENT = 0xffff;
/** Permission bits of a mode; the others no list speaks of. */
const PERMISSIONS = 0o777;

/** Mode and lists of a new entry in a directory with a default list; `mode` as asked for, no umask applies. */
export async function inheritAcl(
  change: Change,
  parent: Node,
  type: number,
  mode: number,
): Promise<Pick<Node, 'mode' | 'accessAcl' | 'defaultAcl'>> {
  const rules = await change.aclRules();
  const rule = rules.find(({ id }) => id === parent.defaultAcl);
  if (rule === undefined) {
    throw new VolumeError('EIO', `the access control list ${parent.defaultAcl} of inode ${parent.inode} is missing`);
  }
  const defaultAcl = type === TYPE_DIRECTORY ? parent.defaultAcl : 0;
  if (isMinimal(rule)) {
    return { mode: mode & (~PERMISSIONS | modeOf(rule.owner, rule.group, rule.other)), accessAcl: 0, defaultAcl };
  }
  const own = {
    ...rule,
    owner: rule.owner & (mode >> 6) & 7,
    mask: rule.mask & (mode >> 3) & 7,
    other: rule.other & mode & 7,
  };
  const accessAcl = rules.find((each) => isEqual(each, own))?.id ?? (await change.addAclRule(own));
  return { mode: (mode & ~PERMISSIONS) | modeOf(own.owner, own.mask, own.other), accessAcl, defaultAcl };
}

/** Says no more than a mode does. */
function isMinimal({ users, groups, mask }: AclRule): boolean {
  return users.length === 0 && groups.length === 0 && mask === ABSENT;
}

function modeOf(owner: number, group: number, other: number): number {
  return ((owner & 7) << 6) | ((group & 7) << 3) | (other & 7);
}

function isEqual(a: AclContent, b: AclContent): boolean {
  const sameBits = a.owner === b.owner && a.group === b.group && a.mask === b.mask && a.other === b.other;
  return sameBits && sameEntries(a.users, b.users) && sameEntries(a.groups, b.groups);
}

function sameEntries(a: readonly AclEntry[], b: readonly AclEntry[]): boolean {
  return a.length === b.length && a.every(({ id, perm }, i) => id === b[i]?.id && perm === b[i]?.perm);
}
