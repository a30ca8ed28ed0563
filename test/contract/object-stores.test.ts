// Every object store, held to the same contract: local files, shards of them, encrypted ones, and S3 by another's server.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore, type StoreLocation } from '../../src/juicefs/storage/open-store.ts';
import { hasMoto, startMoto } from '../harness/moto.ts';
import { objectStoreContract, type StoreUnderTest } from './object-store.ts';

const PATIENCE = {
  ioRetries: 3,
  getTimeoutMs: 20_000,
  putTimeoutMs: 20_000,
  uploadBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
};

const LOCATION: StoreLocation = {
  storage: 'file',
  bucket: '',
  accessKey: '',
  secretKey: '',
  sessionToken: '',
  storageClass: '',
  tag: '',
  shards: 0,
  encryptKey: '',
  encryptAlgo: '',
  environment: {},
};

function fileStore(bucket: string, location: Partial<StoreLocation> = {}, overhead = 0): StoreUnderTest {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-store-'));
  const store = openStore({ ...LOCATION, ...location, bucket: `${folder}${bucket}` }, PATIENCE);
  return { store, overhead, end: async () => rmSync(folder, { recursive: true }) };
}

const encryptKey = String(
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
);
/** Lengths, wrapped key, nonce, tag. */
const OVERHEAD = 3 + 256 + 12 + 16;

objectStoreContract('local files', async () => fileStore('/objects/'));
objectStoreContract('three shards of local files', async () => fileStore('/shard%d/', { shards: 3 }));
objectStoreContract('local files, encrypted (aes256gcm-rsa)', async () =>
  fileStore('/objects/', { encryptKey, encryptAlgo: 'aes256gcm-rsa' }, OVERHEAD),
);
objectStoreContract('local files, encrypted (chacha20-rsa)', async () =>
  fileStore('/objects/', { encryptKey, encryptAlgo: 'chacha20-rsa' }, OVERHEAD),
);

if (hasMoto()) {
  const s3Store =
    (bucket: string, location: Partial<StoreLocation> = {}) =>
    async (): Promise<StoreUnderTest> => {
      const moto = await startMoto();
      const store = openStore(
        {
          ...LOCATION,
          storage: 's3',
          bucket: `http://127.0.0.1:${moto.port}/${bucket}`,
          accessKey: 'an-access-key',
          secretKey: 'a-secret-key',
          ...location,
        },
        PATIENCE,
      );
      return { store, overhead: 0, end: () => moto.stop() };
    };
  objectStoreContract('S3', s3Store('volume-bucket'));
  objectStoreContract('S3, as a MinIO', s3Store('minio-bucket', { storage: 'minio' }));
  objectStoreContract(
    'S3 with a session token, two shards',
    s3Store('shard-%d', { shards: 2, sessionToken: 'a-token' }),
  );
}

describe('object stores', () => {
  it.each(['oss', 'cos', 'gs', 'wasb', 'ceph', 'redis', 'webdav'])('refuse %s by name', (storage) => {
    expect(() => openStore({ ...LOCATION, storage, bucket: 'x' }, PATIENCE)).toThrow(
      `the object storage "${storage}" is not supported (file, s3, minio are)`,
    );
  });

  it('refuse sm4gcm by name', () => {
    expect(() => openStore({ ...LOCATION, bucket: '/tmp/x/', encryptKey, encryptAlgo: 'sm4gcm' }, PATIENCE)).toThrow(
      'the encryption "sm4gcm" is not supported',
    );
  });

  it('refuse S3 without keys, and shards without a place for their number', () => {
    expect(() => openStore({ ...LOCATION, storage: 's3', bucket: 'http://127.0.0.1:1/b' }, PATIENCE)).toThrow(
      /--access-key/,
    );
    expect(() => openStore({ ...LOCATION, bucket: '/tmp/x/', shards: 2 }, PATIENCE)).toThrow(/%d/);
  });
});
