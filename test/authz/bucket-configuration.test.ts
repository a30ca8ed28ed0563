// The configuration of buckets and of the service: kept in the volume where `juicefs gateway` keeps it, and told to who watches.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BucketConfigurationClient,
  type WatchConfigurationResponse,
} from '../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { setBucketDocument } from '../../src/authz/administration/bucket-documents.ts';
import type { Command } from '../../src/authz/administration/command.ts';
import { changeServerDocuments } from '../../src/authz/administration/server-documents.ts';
import { ConfigurationFeed } from '../../src/authz/grpc/configuration-feed.ts';
import { BUCKET_DOCUMENT_NAMES } from '../../src/authz/store/bucket-documents.ts';
import { bucketDocument, isUnreadable } from '../../src/authz/store/iam-store.ts';
import { kmsDecryptor } from '../../src/authz/store/kms-file.ts';
import { VolumeIamStore } from '../../src/authz/store/volume-store.ts';
import { VolumeRecordStorage } from '../../src/authz/store/volume-writer.ts';
import { kmsEncryptor } from '../../src/authz/store/volume-writer-kms.ts';
import { openVolume, type Volume } from '../../src/juicefs/index.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';
import { eventually } from '../harness/waiting.ts';
import { TestSidecar } from './sidecar-client.ts';
import { anonymousCredentials } from './signing-client.ts';

const KMS_KEY = 'golden-kms-key:5lhkTdRGt6C96tANI/PpW4Pqb85iLdKCYDgDSdjR17k=';
let golden: ReturnType<typeof unpackGolden>;
let volume: Volume;
let store: VolumeIamStore;
let storage: VolumeRecordStorage;

beforeEach(async () => {
  golden = unpackGolden('iam-volume');
  volume = await openVolume(golden.metaUrl, { storage: 'file', bucket: golden.bucket, backgroundJobs: false });
  store = new VolumeIamStore(volume);
  storage = new VolumeRecordStorage(volume);
});
afterEach(async () => {
  await volume.close();
  rmSync(golden.directory, { recursive: true, force: true });
});

async function carryOut(command: Command): Promise<void> {
  await storage.write(command.decide(await store.load()));
}

describe('documents of buckets', () => {
  it('of every kind are kept one by one, and go with their bucket', async () => {
    for (const name of BUCKET_DOCUMENT_NAMES) await carryOut(setBucketDocument('iam-private', name, `<${name}/>`, 1));
    const record = (await store.load()).buckets.get('iam-private');
    for (const name of BUCKET_DOCUMENT_NAMES) expect(bucketDocument(record, name)).toBe(`<${name}/>`);
    expect(await storage.read('buckets', 'iam-private')).toEqual(record);
    await carryOut(setBucketDocument('iam-private', 'cors', '', 1));
    const without = (await store.load()).buckets.get('iam-private');
    expect([bucketDocument(without, 'cors'), bucketDocument(without, 'acl')]).toEqual(['', '<acl/>']);
    await storage.write({ buckets: new Map([['iam-private', undefined]]) });
    expect((await store.load()).buckets.has('iam-private')).toBe(false);
    await expect(volume.stat(['.minio.sys', 'portcullis', 'buckets', 'iam-private.json'])).rejects.toThrow('ENOENT');
  });

  it('that the Go gateway does not know are not those of a bucket which it made anew', async () => {
    await carryOut(setBucketDocument('iam-private', 'cors', '<old/>', 1));
    const before = (await store.load()).buckets.get('iam-private');
    if (before === undefined || isUnreadable(before)) throw new Error('no record');
    // it removes its own file, and writes another
    const path = ['.minio.sys', 'buckets', 'iam-private', '.metadata.bin'];
    await volume.unlink(path);
    const empty = { createdMs: before.createdMs + 5, lockEnabled: false, documents: new Map() };
    const extras = await volume.stat(['.minio.sys', 'portcullis', 'buckets', 'iam-private.json']);
    await storage.write({ buckets: new Map([['other', empty]]) });
    await volume.mkdirs(path.slice(0, -1));
    await volume.rename(['.minio.sys', 'buckets', 'other', '.metadata.bin'], path);
    expect(extras.size).toBeGreaterThan(0);
    expect((await store.load()).buckets.get('iam-private')).toEqual(empty);
  });

  it('that are damaged refuse their bucket alone', async () => {
    await carryOut(setBucketDocument('iam-private', 'cors', '<x/>', 1));
    const writer = volume.create(['.minio.sys', 'portcullis', 'buckets', 'iam-private.json']);
    await writer.write(Buffer.from('{'));
    await writer.commit();
    const { buckets } = await store.load();
    expect(buckets.get('iam-private')).toEqual({ unreadable: expect.stringContaining('not JSON') });
    expect(buckets.get('iam-public')).toHaveProperty('documents');
  });
});

describe('documents of the service', () => {
  it('are the files that the Go gateway has for them', async () => {
    const before = await store.load();
    expect(before.server.get('config')).toMatchObject({ text: expect.stringContaining('notify_webhook') });
    expect([...before.server.keys()].filter((name) => name.startsWith('history/')).length).toBeGreaterThan(0);
    await carryOut(
      changeServerDocuments(
        ['config'],
        (current) =>
          new Map([
            ['config', (current.get('config') ?? '').replace('"region"', '"regions"')],
            ['history/0b5e2c1d', 'region name=here'],
            ['sts-keys', '{"a":1}'],
          ]),
        1,
      ),
    );
    const after = await store.load();
    expect(after.server.get('config')).toMatchObject({ text: expect.stringContaining('"regions"') });
    expect(after.server.get('history/0b5e2c1d')).toMatchObject({ text: 'region name=here' });
    expect(after.server.get('sts-keys')).toMatchObject({ text: '{"a":1}' });
    expect(await storage.read('server', 'sts-keys')).toEqual(after.server.get('sts-keys'));
    expect((await volume.stat(['.minio.sys', 'config', 'history', '0b5e2c1d.kv'])).size).toBe(16);
    expect(() => changeServerDocuments(['../x'], () => new Map(), 1)).toThrow(/no document/i);
  });

  it('are sealed where there is a KMS key', async () => {
    const decrypt = kmsDecryptor(KMS_KEY);
    const encrypt = kmsEncryptor(KMS_KEY);
    if (decrypt === undefined || encrypt === undefined) throw new Error('no key');
    const sealed = new VolumeRecordStorage(volume, { crypto: { decrypt, encrypt } });
    const document = { text: 'a secret of the service', modifiedMs: 1 };
    await sealed.write({ server: new Map([['sts-keys', document]]) });
    expect((await store.load()).server.get('sts-keys')).toMatchObject({ unreadable: expect.any(String) });
    expect(await sealed.read('server', 'sts-keys')).toMatchObject({ text: document.text });
  });
});

describe('a watcher', () => {
  it('is told everything, then what changed, and of nothing else', async () => {
    const feed = new ConfigurationFeed({ documents: ['notification', 'cors'] });
    const snapshot = async () => ({ records: await store.load(), revision: 'r' });
    const first = feed.first((await snapshot()) as Parameters<ConfigurationFeed['first']>[0]);
    expect(first.at(-1)?.complete).toBe(true);
    const known = first.flatMap(({ buckets }) => buckets);
    expect(known.map(({ bucket }) => bucket)).toEqual(['iam-events']);
    expect(Object.keys(known[0]?.documents ?? {})).toEqual(['notification']);
    const next = async () =>
      feed.next((await snapshot()) as Parameters<ConfigurationFeed['first']>[0]).flatMap(({ buckets }) => buckets);
    expect(await next()).toEqual([]);
    await carryOut(setBucketDocument('iam-private', 'policy', '{}', 1));
    expect(await next()).toEqual([]);
    await carryOut(setBucketDocument('iam-private', 'cors', '<x/>', 1));
    expect(await next()).toMatchObject([{ bucket: 'iam-private', documents: { cors: '<x/>' } }]);
    await storage.write({ buckets: new Map([['iam-private', undefined]]) });
    expect(await next()).toMatchObject([{ bucket: 'iam-private', documents: {} }]);
  });

  it('of a running sidecar hears of a change at once, and nobody changes what they may not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
    const sidecar = await TestSidecar.start(directory, {
      store: golden.metaUrl,
      storage: 'file',
      bucket: golden.bucket,
      trustCallers: true,
    });
    const client = new BucketConfigurationClient(sidecar.running.address, credentials.createInsecure());
    const told: WatchConfigurationResponse[] = [];
    const call = client.watchConfiguration({ documents: ['tagging'] });
    call.on('data', (message: WatchConfigurationResponse) => told.push(message));
    call.on('error', () => undefined);
    try {
      await eventually('the first state', () => told.some(({ complete }) => complete) || undefined);
      const put = (who: string | undefined) =>
        new Promise((resolve, reject) => {
          client.putBucketDocument(
            {
              bucket: 'iam-private',
              name: 'tagging',
              document: Buffer.from('<Tagging/>'),
              credentials:
                who === undefined ? anonymousCredentials : { presented: { $case: 'named', value: { accessKey: who } } },
              context: undefined,
              key: '',
              newObject: false,
            },
            (error, value) => (error === null ? resolve(value) : reject(error)),
          );
        });
      expect(await put(undefined)).toMatchObject({ change: { made: false, refusal: {} } });
      expect(await put('rootuser')).toMatchObject({ change: { made: true } });
      const change = await eventually('the change', () =>
        told.find(({ complete, buckets }) => !complete && buckets.length > 0),
      );
      expect(change.buckets).toMatchObject([{ bucket: 'iam-private', documents: { tagging: '<Tagging/>' } }]);
    } finally {
      call.cancel();
      client.close();
      await sidecar.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
