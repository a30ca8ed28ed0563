// A key that ends in '/': a directory, marked as an object by an access time of zero (JuiceFS's gateway reads it so).
import type { Volume, VolumePath } from '../../juicefs/volume.ts';
import { isErrno } from './volume-errors.ts';

/** How often a directory that others remove, as it is empty, before it is marked is made again. */
const MARK_ATTEMPTS = 5;

/** Makes the directory and its parents, and marks it. Errors are the volume's. */
export async function putDirectoryObject(volume: Volume, path: VolumePath): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await volume.mkdirs(path);
    try {
      await volume.setTimes(path, { atimeNs: 0n });
      return;
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || attempt === MARK_ATTEMPTS) throw error;
    }
  }
}
