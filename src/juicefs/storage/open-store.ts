// Which object store a volume's settings name: kind and bucket, shards, encryption, and the patience with it.
import { VolumeOpenError } from '../volume-error.ts';
import { EncryptedStore, encryptionCipher } from './encrypted-store.ts';
import { FileStore } from './file-store.ts';
import type { ObjectStore } from './object-store.ts';
import { PatientStore, type PatientStoreOptions } from './patient-store.ts';
import { parsePrivateKey } from './private-key.ts';
import { parseS3Bucket } from './s3/s3-endpoint.ts';
import { S3Store } from './s3/s3-store.ts';
import type { S3Credentials } from './s3/sign.ts';
import { ShardedStore } from './sharded-store.ts';

/** Where objects are, and with which secrets. */
export interface StoreLocation {
  readonly storage: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  readonly storageClass: string;
  /** `key=value`, or empty. */
  readonly tag: string;
  /** More than 1: `bucket` holds a `%d` that becomes the number of a shard. */
  readonly shards: number;
  /** PEM of the RSA key; empty = objects are not encrypted. */
  readonly encryptKey: string;
  readonly encryptAlgo: string;
  /** Variables of the process that the Go client heeds, too. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Storages that can be used, for messages. */
export const SUPPORTED_STORAGES = ['file', 's3', 'minio'] as const;

/** The store of a volume; VolumeOpenError names what is not supported or wrong. */
export function openStore(location: StoreLocation, patience: PatientStoreOptions): ObjectStore {
  const { encryptKey, encryptAlgo, environment } = location;
  const encryption =
    encryptKey === ''
      ? undefined
      : {
          cipher: encryptionCipher(encryptAlgo),
          key: parsePrivateKey(encryptKey, environment.JFS_RSA_PASSPHRASE),
        };
  const plain = location.shards > 1 ? openShards(location) : openBucket(location, location.bucket);
  const patient = new PatientStore(plain, patience);
  // Encryption stands outside: another try sends what was encrypted once, and what is damaged is read once.
  return encryption === undefined ? patient : new EncryptedStore(patient, encryption.key, encryption.cipher);
}

/** UnsupportedFormat unless a storage of this name can be used. */
export function requireStorage(storage: string): void {
  if (SUPPORTED_STORAGES.some((one) => one === storage)) return;
  throw new VolumeOpenError(
    'UnsupportedFormat',
    `the object storage ${JSON.stringify(storage)} is not supported (${SUPPORTED_STORAGES.join(', ')} are)`,
  );
}

function openShards(location: StoreLocation): ObjectStore {
  const { bucket, shards } = location;
  if (!bucket.includes('%d')) {
    throw new VolumeOpenError(
      'InvalidFormat',
      `a volume over ${shards} shards needs %d in its bucket where the number of a shard belongs, not ${JSON.stringify(bucket)}`,
    );
  }
  const stores = Array.from({ length: shards }, (_, index) =>
    openBucket(location, bucket.replace('%d', String(index))),
  );
  const [first, ...others] = stores;
  if (first === undefined) throw new RangeError('a sharded volume has no shards');
  return new ShardedStore([first, ...others]);
}

function openBucket(location: StoreLocation, bucket: string): ObjectStore {
  const { storage, environment, storageClass, tag } = location;
  requireStorage(storage);
  if (storage === 'file') return new FileStore(bucket);
  const kind = storage === 'minio' ? 'minio' : 's3';
  return new S3Store({
    kind,
    endpoint: parseS3Bucket(kind, bucket, environment),
    credentials: credentialsOf(location, kind),
    storageClass,
    tag,
  });
}

function credentialsOf(location: StoreLocation, kind: 's3' | 'minio'): S3Credentials | undefined {
  const { accessKey, secretKey, sessionToken, environment: env } = location;
  if (accessKey === 'anonymous') return undefined;
  if (accessKey !== '') return { accessKey, secretKey, sessionToken };
  const [id, secret, token] =
    kind === 'minio'
      ? [env.MINIO_ACCESS_KEY, env.MINIO_SECRET_KEY, undefined]
      : [env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN];
  if ((id ?? '') !== '' && (secret ?? '') !== '') {
    return { accessKey: id ?? '', secretKey: secret ?? '', sessionToken: token ?? '' };
  }
  throw new VolumeOpenError(
    'StorageUnusable',
    `the object storage ${kind} needs an access key and a secret key: set them with --access-key and --secret-key`,
  );
}
