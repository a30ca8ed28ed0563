// From the URL on the command line to a store: what reads it, and what writes to it.
import { EtcdError } from '../../etcd/etcd-error.ts';
import { EtcdUrlError, parseEtcdUrl } from '../../etcd/etcd-url.ts';
import { openVolume, type Volume, VolumeOpenError, type VolumeOptions } from '../../juicefs/index.ts';
import { DocumentSeal } from './document-codec.ts';
import type { DocumentDatabase } from './document-database.ts';
import { DocumentIamStore } from './document-store.ts';
import { EtcdDocuments } from './etcd-documents.ts';
import type { IamStore } from './iam-store.ts';
import { kmsDecryptor } from './kms-file.ts';
import { LazyVolumeStorage } from './lazy-volume-storage.ts';
import { MemoryIamStore } from './memory-store.ts';
import type { RecordStorage } from './record-storage.ts';
import { rootDecryptor } from './root-sealed-file.ts';
import { SqliteDocuments } from './sqlite-documents.ts';
import { parseStoreUrl, StoreError } from './store-url.ts';
import type { FileCrypto, VolumeCrypto } from './volume-files.ts';
import { VolumeIamStore } from './volume-store.ts';
import { kmsEncryptor } from './volume-writer-kms.ts';

export { StoreError } from './store-url.ts';

export interface OpenStoreOptions {
  /** Object storage of the volume, instead of the recorded one. */
  readonly storage?: string | undefined;
  readonly bucket?: string | undefined;
  /** The directory of the volume that stands for its root. */
  readonly subdir?: string | undefined;
  /** Nothing is made, not even that directory. */
  readonly readOnly?: boolean | undefined;
  /** MINIO_KMS_SECRET_KEY: `NAME:BASE64`. */
  readonly kmsSecretKey?: string | undefined;
  /** Opens files that the volume's gateways encrypted before they had a KMS key. */
  readonly root?: { readonly accessKey: string; readonly secretKey: string } | undefined;
  /** Identity files that are replaced or removed go to the volume's trash. */
  readonly trash?: boolean | undefined;
  /** What the volume library may read of the environment, as in VolumeOptions. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface OpenedStore {
  readonly store: IamStore;
  /** Undefined for a store that is never written to. */
  readonly records: RecordStorage | undefined;
  /** Tokens are signed with the root secret, as the Go gateway on the same volume does. */
  readonly sharesTokens: boolean;
  /** Closes both. Idempotent. */
  close(): Promise<void>;
}

/** Opens the store of a URL (see parseStoreUrl). Throws StoreError. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  const location = parseStoreUrl(url);
  const crypto = cryptoOf(options.kmsSecretKey);
  switch (location.kind) {
    case 'none': {
      const store = new MemoryIamStore({}, 'none');
      return { store, records: undefined, sharesTokens: true, close: () => store.close() };
    }
    case 'volume':
      return openVolumeStore(location.metaUrl, options, crypto ?? legacyCrypto(options.root));
    case 'sqlite':
      return onDocuments(() => SqliteDocuments.open(location.path), `sqlite:${location.path}`, crypto);
    case 'postgres':
      return onDocuments(() => openPostgres(location.url), 'the PostgreSQL database', crypto);
    case 'etcd':
      return onDocuments(() => EtcdDocuments.open(parseEtcdUrl(location.url)), 'etcd', crypto);
  }
}

/** Other stores do without the driver. */
async function openPostgres(url: string): Promise<DocumentDatabase> {
  const { PostgresDocuments } = await import('./postgres-documents.ts');
  return PostgresDocuments.open(url);
}

async function openVolumeStore(
  metaUrl: string,
  { storage, bucket, subdir, readOnly, environment, trash }: OpenStoreOptions,
  crypto: VolumeCrypto | undefined,
): Promise<OpenedStore> {
  const where = {
    ...(storage === undefined ? {} : { storage }),
    ...(bucket === undefined ? {} : { bucket }),
    ...(subdir === undefined ? {} : { subdir: subdir.split('/').filter((name) => name !== '') }),
    ...(environment === undefined ? {} : { environment }),
  };
  try {
    const reading = await openForReading(metaUrl, where, readOnly === true);
    const store = new VolumeIamStore(reading, crypto?.decrypt);
    const records = new LazyVolumeStorage(
      () => openVolume(metaUrl, { backgroundJobs: false, mountpoint: 'authz', ...where }),
      { crypto, trash },
    );
    const close = async (): Promise<void> => {
      await records.close();
      await store.close();
    };
    return { store, records, sharesTokens: true, close };
  } catch (cause) {
    if (cause instanceof VolumeOpenError) throw new StoreError(cause.message, { cause });
    throw cause;
  }
}

/** The volume for reading; a directory that stands for its root is made if it is missing and may be. */
async function openForReading(metaUrl: string, where: VolumeOptions, readOnly: boolean): Promise<Volume> {
  // A file is read once while it stays the same: kept blocks would only be a second copy of the secrets in them.
  const reading = { readOnly: true, smallBlockBytes: 0, ...where };
  try {
    return await openVolume(metaUrl, reading);
  } catch (error) {
    if (readOnly || !(error instanceof VolumeOpenError) || error.code !== 'DirectoryUnusable') throw error;
  }
  await (await openVolume(metaUrl, { backgroundJobs: false, mountpoint: 'authz', ...where })).close();
  return openVolume(metaUrl, reading);
}

async function onDocuments(
  open: () => Promise<DocumentDatabase>,
  what: string,
  crypto: FileCrypto | undefined,
): Promise<OpenedStore> {
  let database: DocumentDatabase;
  try {
    database = await open();
  } catch (cause) {
    if (cause instanceof EtcdUrlError || cause instanceof EtcdError) {
      throw new StoreError(`--store: ${cause.message}`, { cause });
    }
    // The driver's own words, which hold no password.
    if (cause instanceof Error && 'code' in cause) {
      throw new StoreError(`--store: ${what} cannot be opened: ${cause.message || cause.code}`, { cause });
    }
    throw cause;
  }
  const store = new DocumentIamStore(database, crypto === undefined ? undefined : new DocumentSeal(crypto));
  return { store, records: store, sharesTokens: false, close: () => store.close() };
}

function legacyCrypto(root: OpenStoreOptions['root']): VolumeCrypto | undefined {
  return root === undefined ? undefined : { decrypt: rootDecryptor(root) };
}

function cryptoOf(kmsSecretKey: string | undefined): FileCrypto | undefined {
  if (kmsSecretKey === undefined) return undefined;
  const decrypt = kmsDecryptor(kmsSecretKey);
  const encrypt = kmsEncryptor(kmsSecretKey);
  if (decrypt === undefined || encrypt === undefined) {
    throw new StoreError('MINIO_KMS_SECRET_KEY must be a name, a colon, and 32 bytes in base64');
  }
  return { decrypt, encrypt };
}
