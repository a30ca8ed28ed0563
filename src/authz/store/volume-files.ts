// Reads and writes the files of a volume that records are kept in: whole, within a limit, encrypted where the gateways have a key.
import { DataLostError, type FileReader, type Volume, VolumeError, type VolumePath } from '../../juicefs/volume.ts';
import type { Unreadable } from './iam-store.ts';
import type { FileDecryptor } from './kms-file.ts';
import type { FileEncryptor } from './volume-writer-kms.ts';

/** Largest file that is read. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Nothing is stored under such a name; the last two because nothing could be. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'ENAMETOOLONG']);

/** How records are encrypted where there is a KMS key. */
export interface FileCrypto {
  readonly decrypt: FileDecryptor;
  readonly encrypt: FileEncryptor;
}

/** Decrypts a file of a volume, which may take a while. */
export type VolumeDecryptor = (
  ...file: Parameters<FileDecryptor>
) => string | Unreadable | Promise<string | Unreadable>;

/** How the files of a volume are read and written; without `encrypt` they are written as plain text. */
export interface VolumeCrypto {
  readonly decrypt: VolumeDecryptor;
  readonly encrypt?: FileEncryptor;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type WritableVolume = Pick<Volume, 'create' | 'unlink' | 'rmdir'>;

export function isUnreadableFile(bytes: Uint8Array | Unreadable): bytes is Unreadable {
  return !(bytes instanceof Uint8Array);
}

/** The bytes of a file; undefined when there is none. */
export async function readBytes(
  volume: Pick<Volume, 'open'>,
  path: VolumePath,
  signal?: AbortSignal,
): Promise<Uint8Array | Unreadable | undefined> {
  let reader: FileReader;
  try {
    reader = await volume.open(path);
  } catch (error) {
    if (error instanceof VolumeError && NOT_THERE.has(error.code)) return undefined;
    throw error;
  }
  try {
    return await readWhole(reader, signal);
  } finally {
    await reader.close();
  }
}

/** All bytes of an open file. */
export async function readWhole(reader: FileReader, signal?: AbortSignal): Promise<Uint8Array | Unreadable> {
  const { size } = reader.attributes;
  if (size > MAX_FILE_BYTES) return { unreadable: `it is larger than ${MAX_FILE_BYTES} bytes` };
  try {
    return await reader.readAll(signal);
  } catch (error) {
    if (error instanceof DataLostError) return { unreadable: 'its data is missing or damaged in the object store' };
    throw error;
  }
}

/** The text of a file's bytes: what is not UTF-8 is encrypted. */
export async function textOf(
  path: VolumePath,
  bytes: Uint8Array | Unreadable,
  decrypt: VolumeDecryptor | undefined,
): Promise<string | Unreadable> {
  if (isUnreadableFile(bytes)) return bytes;
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  if (decrypt === undefined) {
    return { unreadable: 'it is encrypted; start the service with the MINIO_KMS_SECRET_KEY that it was written with' };
  }
  return decrypt(path.join('/'), bytes);
}

/** How files are changed. */
export interface FileChanges {
  /** The new file appears whole, in place of the old one. */
  replace(path: VolumePath, bytes: Uint8Array): Promise<void>;
  /** Removes a file and (given one) its directory if that is empty then. Fine if there is none. */
  remove(path: VolumePath, directory?: VolumePath): Promise<void>;
}

/** @param trash replaced and removed files go to the volume's trash; otherwise what was a secret stays one */
export function fileChanges(volume: WritableVolume, trash: boolean): FileChanges {
  const skipTrash = !trash;
  return {
    async replace(path, bytes) {
      const writer = volume.create(path, { skipTrash });
      try {
        await writer.write(bytes);
        await writer.commit();
      } catch (error) {
        await writer.abort();
        throw error;
      }
    },
    async remove(path, directory) {
      await unless(['ENOENT', 'ENOTDIR'], volume.unlink(path, { skipTrash }));
      if (directory !== undefined) await unless(['ENOENT', 'ENOTEMPTY'], volume.rmdir(directory, { skipTrash }));
    },
  };
}

async function unless(codes: readonly string[], work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof VolumeError) || !codes.includes(error.code)) throw error;
  }
}
