// Turns a path of strings into the raw names of entries, refusing whatever could name something else than it says.
import { isUtf8 } from 'node:buffer';
import { bytesOfText } from '../raw-text.ts';
import { VolumeError, type VolumePath } from '../volume.ts';

/** Longest name that is given to a new entry, in bytes. */
export const MAX_NAME_BYTES = 255;
/** Longest name that is looked for: the Go client's gateway lets names as long as an S3 key into some engines. */
const MAX_LOOKUP_BYTES = 1024;

/** The bytes of one component; EINVAL or ENAMETOOLONG when it is none. */
export function encodeName(name: string): Buffer {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new VolumeError('EINVAL', `${JSON.stringify(name)} cannot be the name of an entry`);
  }
  const bytes = bytesOfText(name);
  if (bytes === undefined) throw new VolumeError('EINVAL', 'a name must be well-formed Unicode');
  if (bytes.length > MAX_LOOKUP_BYTES) throw nameTooLong(bytes);
  return bytes;
}

/** Refuses a name for a new entry: only other clients make names that are not UTF-8. */
export function requireNewName(name: Uint8Array): void {
  if (!isUtf8(name)) throw new VolumeError('EINVAL', 'a new name must be UTF-8');
  if (name.length > MAX_NAME_BYTES) throw nameTooLong(name);
}

function nameTooLong(name: Uint8Array): VolumeError {
  return new VolumeError('ENAMETOOLONG', `a name has at most ${MAX_NAME_BYTES} bytes, not ${name.length}`);
}

/** The bytes of every component. */
export function encodePath(path: VolumePath): Buffer[] {
  return path.map(encodeName);
}

/** For messages. */
export function showPath(path: VolumePath): string {
  return `/${path.join('/')}`;
}

/** Adds the path to an answer that lacks it. */
export async function at<T>(path: VolumePath, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof VolumeError) || error.message.includes(showPath(path))) throw error;
    const reason = error.message.slice(error.code.length + 2);
    throw new VolumeError(error.code, `${showPath(path)}: ${reason}`, { cause: error.cause });
  }
}
