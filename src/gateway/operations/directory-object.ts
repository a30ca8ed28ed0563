// A key that ends in '/': a directory, marked as an object by an access time of zero (JuiceFS's gateway reads it so).
import type { Volume, VolumePath } from '../../juicefs/volume.ts';

/** Makes the directory and its parents, and marks it. Errors are the volume's. */
export async function putDirectoryObject(volume: Volume, path: VolumePath): Promise<void> {
  await volume.mkdirs(path);
  await volume.setTimes(path, { atimeNs: 0n });
}
