// The BSD lock (flock) of a file: one holder among all clients of the volume, which the Go client honours. A lock ends with the
// session that took it.
import { VolumeError } from '../volume.ts';
import { change, type FilesystemContext } from './filesystem-context.ts';

/** Takes the exclusive lock for this session; false when another client holds one. ENOENT when the inode is gone. */
export async function tryFileLock(fs: FilesystemContext, inode: bigint): Promise<boolean> {
  const { session } = fs;
  return change(fs, async ({ tx }) => {
    if ((await tx.lockNode(inode)) === undefined) throw new VolumeError('ENOENT', `inode ${inode} is gone`);
    // The Go gateway, too, goes by its session's number as the owner.
    const isMine = (lock: { session: bigint; owner: bigint }): boolean =>
      lock.session === session && lock.owner === session;
    const locks = await tx.flocks(inode);
    if (locks.some((lock) => !isMine(lock))) return false;
    await tx.putFlock(inode, { session, owner: session, kind: 'W' });
    return true;
  });
}

/** Gives it back. Fine when it is not held any more. */
export async function releaseFileLock(fs: FilesystemContext, inode: bigint): Promise<void> {
  const { session } = fs;
  await change(fs, async ({ tx }) => tx.deleteFlock(inode, { session, owner: session }));
}
