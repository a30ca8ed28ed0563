// A volume whose blocks lie in another volume, behind this product's own gateway: the S3 store and the S3 service meet.
import { openStore } from '../../src/juicefs/storage/open-store.ts';
import { objectStoreContract } from '../contract/object-store.ts';
import { makeVolume } from '../contract/temporary-volume.ts';
import { startGateway } from '../harness/gateway.ts';

objectStoreContract('S3 by our own gateway', async () => {
  const volume = await makeVolume({ trashDays: 0 });
  const gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--object-meta', '--keep-etag', '--workers', '1', '--metrics', '127.0.0.1:0'],
  });
  const store = openStore(
    {
      storage: 's3',
      bucket: `${gateway.url}/blocks-of-another`,
      accessKey: gateway.root.accessKey,
      secretKey: gateway.root.secretKey,
      sessionToken: '',
      storageClass: '',
      tag: '',
      shards: 0,
      encryptKey: '',
      encryptAlgo: '',
      environment: {},
    },
    { ioRetries: 2, getTimeoutMs: 30_000, putTimeoutMs: 30_000, uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 },
  );
  return {
    store,
    overhead: 0,
    async end() {
      await gateway.dispose();
      volume.remove();
    },
  };
});
