// The public view of a stored node.
import { type Attributes, VolumeError } from '../volume.ts';
import type { Node } from './engine.ts';
import { typeName } from './inode.ts';

/** EIO when the row holds a type no version writes. */
export function toAttributes(node: Node): Attributes {
  const type = typeName(node.type);
  if (type === undefined) throw new VolumeError('EIO', `inode ${node.inode} has the unknown type ${node.type}`);
  return {
    inode: node.inode,
    type,
    mode: node.mode & 0o7777,
    uid: node.uid,
    gid: node.gid,
    atimeNs: node.atimeNs,
    mtimeNs: node.mtimeNs,
    ctimeNs: node.ctimeNs,
    nlink: node.nlink,
    size: node.length,
    parent: node.parent,
  };
}
