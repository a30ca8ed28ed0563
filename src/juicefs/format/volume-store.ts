// The object store that a volume's settings describe, with what the command line puts in their place.

import { bytesPerSecond } from '../storage/bandwidth.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore, type StoreLocation } from '../storage/open-store.ts';
import type { PatientStoreOptions } from '../storage/patient-store.ts';
import type { FormatRecord } from './format-record.ts';
import { decryptSecret } from './secrets.ts';

/** What stands in the place of the settings, and how patient the store is. */
export interface StoreOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly storage?: string;
  readonly bucket?: string;
  readonly storageClass?: string;
  readonly tag?: string;
  /** Mbps; 0 = unlimited. */
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  /** Processes that share the limits. */
  readonly processes?: number;
  readonly ioRetries?: number;
  readonly getTimeoutMs?: number;
  readonly putTimeoutMs?: number;
}

const DEFAULT_IO_RETRIES = 10;
const DEFAULT_TIMEOUT_MS = 60_000;

/** The store of a volume. InvalidFormat when a secret cannot be had, UnsupportedFormat for what is not there. */
export function openVolumeStore(format: FormatRecord, options: StoreOptions): ObjectStore {
  const { processes = 1 } = options;
  const share = (mbps: number): number => bytesPerSecond(mbps) / processes;
  const patience: PatientStoreOptions = {
    ioRetries: options.ioRetries ?? DEFAULT_IO_RETRIES,
    getTimeoutMs: options.getTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    putTimeoutMs: options.putTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    uploadBytesPerSecond: share(options.uploadLimit ?? format.uploadLimit),
    downloadBytesPerSecond: share(options.downloadLimit ?? format.downloadLimit),
  };
  return openStore(storeLocation(format, options), patience);
}

/** Where the objects of a volume are. */
export function storeLocation(format: FormatRecord, options: StoreOptions): StoreLocation {
  const storage = (options.storage ?? format.storage).toLowerCase();
  let bucket = options.bucket ?? format.bucket;
  // A directory given without its slash would put the objects beside it.
  if (storage === 'file' && !bucket.endsWith('/')) bucket += '/';
  return {
    storage,
    bucket,
    accessKey: format.accessKey,
    secretKey: plainSecret(format, 'SecretKey', 'secret key'),
    sessionToken: plainSecret(format, 'SessionToken', 'session token'),
    storageClass: options.storageClass ?? format.storageClass,
    tag: options.tag ?? format.tag,
    shards: format.shards,
    encryptKey: plainSecret(format, 'EncryptKey', 'encryption key'),
    encryptAlgo: format.encryptAlgo,
    environment: options.environment,
  };
}

/** Whether two formats need different stores. */
export function sameStore(a: FormatRecord, b: FormatRecord): boolean {
  const members = [
    'Storage',
    'Bucket',
    'AccessKey',
    'SecretKey',
    'SessionToken',
    'Tiers',
    'UploadLimit',
    'DownloadLimit',
  ] as const;
  return members.every((member) => JSON.stringify(a.members[member]) === JSON.stringify(b.members[member]));
}

/** A secret of the settings as text; empty when there is none. */
export function plainSecret(
  format: FormatRecord,
  member: 'SecretKey' | 'SessionToken' | 'EncryptKey',
  what: string,
): string {
  const stored = format.members[member] ?? '';
  if (stored === '' || format.members.KeyEncrypted !== true) return stored;
  return decryptSecret(stored, format.uuid, what);
}
