// What is written to the volume: byte for byte what the real gateway wrote there, read back by the store, and no secret in the trash.
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUnreadable } from '../../src/authz/store/iam-store.ts';
import { kmsDecryptor } from '../../src/authz/store/kms-file.ts';
import { parseBucketMetadata, parseIdentity } from '../../src/authz/store/record-parsers.ts';
import { StoreBusy } from '../../src/authz/store/record-storage.ts';
import { VolumeLock } from '../../src/authz/store/volume-lock.ts';
import { VolumeIamStore } from '../../src/authz/store/volume-store.ts';
import { VolumeRecordStorage } from '../../src/authz/store/volume-writer.ts';
import { bucketFile, groupFile, identityFile, mappingFile } from '../../src/authz/store/volume-writer-files.ts';
import { kmsEncryptor } from '../../src/authz/store/volume-writer-kms.ts';
import { openVolume, type Volume, type VolumePath } from '../../src/juicefs/index.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';

const KMS_KEY = 'golden-kms-key:5lhkTdRGt6C96tANI/PpW4Pqb85iLdKCYDgDSdjR17k=';
const plain = unpackGolden('iam-volume');
const encrypted = unpackGolden('iam-kms');
let volume: Volume;
const IAM = ['.minio.sys', 'config', 'iam'];

beforeEach(async () => {
  volume = await openVolume(plain.metaUrl, { storage: 'file', bucket: plain.bucket, backgroundJobs: false });
});
afterEach(() => volume.close());
afterAll(() => {
  for (const { directory } of [plain, encrypted]) rmSync(directory, { recursive: true, force: true });
});

async function read(from: Volume, path: VolumePath): Promise<Buffer> {
  const reader = await from.open(path);
  const pieces: Uint8Array[] = [];
  for await (const piece of reader.read(0, reader.attributes.size)) pieces.push(Buffer.from(piece));
  await reader.close();
  return Buffer.concat(pieces);
}

async function names(from: Volume, path: VolumePath): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of from.list(path)) found.push(name);
  return found;
}

/** The paths of all files below a directory. */
async function filesBelow(from: Volume, path: VolumePath): Promise<VolumePath[]> {
  const found: VolumePath[] = [];
  for await (const { name, attributes } of from.list(path)) {
    if (attributes.type === 'directory') found.push(...(await filesBelow(from, [...path, name])));
    else found.push([...path, name]);
  }
  return found;
}

describe('the files of the real gateway', () => {
  it.each([
    ['users', 'alice'],
    ['users', 'carol'],
    ['service-accounts', 'svcbob00001'],
    ['service-accounts', 'svcbob00002'],
    ['sts', '2D33JL7WID6JXJEWV10F'],
  ])('%s/%s are made again byte for byte', async (table, name) => {
    const text = (await read(volume, [...IAM, table, name, 'identity.json'])).toString();
    const record = parseIdentity(text);
    if (isUnreadable(record)) throw new Error(record.unreadable);
    expect(identityFile(name, record)).toBe(text);
  });

  it('groups and mappings, too', async () => {
    expect(groupFile({ enabled: true, members: ['alice', 'dave'] })).toBe(
      (await read(volume, [...IAM, 'groups', 'devs', 'members.json'])).toString(),
    );
    expect(mappingFile(['golden-ro', 'golden-admin-users'])).toBe(
      (await read(volume, [...IAM, 'policydb', 'users', 'erin.json'])).toString(),
    );
  });

  it.each(['iam-public', 'iam-private', 'iam-events'])('so is the metadata of bucket %s', async (bucket) => {
    const bytes = await read(volume, ['.minio.sys', 'buckets', bucket, '.metadata.bin']);
    const record = parseBucketMetadata(bytes);
    if (isUnreadable(record)) throw new Error(record.unreadable);
    expect(bucketFile(bucket, record, bytes)).toEqual(bytes);
  });

  it('what a bucket has besides stays when its policy changes', async () => {
    const bytes = await read(volume, ['.minio.sys', 'buckets', 'iam-events', '.metadata.bin']);
    const record = parseBucketMetadata(bytes);
    if (isUnreadable(record)) throw new Error(record.unreadable);
    const documents = new Map([...record.documents, ['policy', '{"a":1}'] as const]);
    const changed = parseBucketMetadata(bucketFile('iam-events', { ...record, documents }, bytes));
    expect(changed).toEqual({ ...record, documents });
    expect(record.documents.get('notification')).toContain('arn:minio:sqs');
    const fresh = { createdMs: 1_795_000_000_123, lockEnabled: false, documents: new Map() };
    expect(parseBucketMetadata(bucketFile('new', fresh, undefined))).toEqual(fresh);
  });
});

describe('what is written', () => {
  const user = { secretKey: 'a-new-secret-1', enabled: true, expiresAtMs: undefined, sessionToken: '', parent: '' };

  it('is what the store reads, and is gone when it is removed', async () => {
    const storage = new VolumeRecordStorage(volume);
    await storage.write({
      users: new Map([['zoe', user]]),
      userPolicies: new Map([['zoe', ['readonly', 'golden-ro']]]),
      groups: new Map([['devs', { enabled: false, members: ['zoe'] }]]),
      policies: new Map([['mine', '{"Version":"2012-10-17","Statement":[]}']]),
    });
    const store = new VolumeIamStore(volume);
    const records = await store.load();
    expect(records.users.get('zoe')).toEqual(user);
    expect(records.users.get('alice')).toMatchObject({ secretKey: 'alice-secret-12' });
    expect(records.userPolicies.get('zoe')).toEqual(['readonly', 'golden-ro']);
    expect(records.groups.get('devs')).toEqual({ enabled: false, members: ['zoe'] });
    expect(records.policies.get('mine')).toBe('{"Version":"2012-10-17","Statement":[]}');
    expect(await storage.read('users', 'zoe')).toEqual(user);

    await storage.write({
      users: new Map([['zoe', undefined]]),
      userPolicies: new Map([['zoe', undefined]]),
      policies: new Map([['mine', undefined]]),
    });
    const after = await store.load();
    expect([after.users.has('zoe'), after.userPolicies.has('zoe'), after.policies.has('mine')]).toEqual([
      false,
      false,
      false,
    ]);
    expect(await storage.read('users', 'zoe')).toBeUndefined();
    // no empty directory is left, which other readers would take for a user
    expect(await names(volume, [...IAM, 'users'])).not.toContain('zoe');
    // removing once more is fine
    await storage.write({ users: new Map([['zoe', undefined]]) });
  });

  it('leaves no secret in the trash, neither replaced nor removed', async () => {
    const storage = new VolumeRecordStorage(volume);
    await storage.write({ users: new Map([['tom', { ...user, secretKey: 'first-secret-tom' }]]) });
    await storage.write({ users: new Map([['tom', { ...user, secretKey: 'second-secret-tom' }]]) });
    await storage.write({ users: new Map([['tom', undefined]]) });
    for (const path of await filesBelow(volume, ['.trash'])) {
      expect((await read(volume, path)).toString(), path.join('/')).not.toMatch(/secret-tom/);
    }
  });

  it('goes to the trash when that is asked for', async () => {
    const storage = new VolumeRecordStorage(volume, { trash: true });
    await storage.write({ users: new Map([['tim', { ...user, secretKey: 'first-secret-tim' }]]) });
    await storage.write({ users: new Map([['tim', undefined]]) });
    const trashed = (await filesBelow(volume, ['.trash'])).filter((path) => path.at(-1)?.endsWith('identity.json'));
    const texts = await Promise.all(trashed.map((path) => read(volume, path)));
    expect(texts.some((text) => text.includes('first-secret-tim'))).toBe(true);
  });

  it('reads a name that no file can have as nobody', async () => {
    const storage = new VolumeRecordStorage(volume);
    for (const name of ['..', 'a/b', '', 'x'.repeat(300)]) expect(await storage.read('users', name)).toBeUndefined();
  });

  it('runs one exclusive piece of work after the other, failed ones included', async () => {
    const storage = new VolumeRecordStorage(volume);
    const order: string[] = [];
    const work = (name: string, fails: boolean) => async () => {
      order.push(`${name} begins`);
      await Promise.resolve();
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    };
    const results = await Promise.allSettled([
      storage.exclusively(work('a', true)),
      storage.exclusively(work('b', false)),
    ]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('with a KMS key', () => {
  const decrypt = kmsDecryptor(KMS_KEY);
  const encrypt = kmsEncryptor(KMS_KEY);
  if (decrypt === undefined || encrypt === undefined) throw new Error('the key of the golden volume does not read');

  it('files are sealed to their path, and read back', () => {
    const path = '.minio.sys/config/iam/users/x/identity.json';
    const text = 'é'.repeat(20_000);
    const sealed = encrypt(path, text);
    expect(sealed.includes('é'.repeat(10))).toBe(false);
    expect(decrypt(path, sealed)).toBe(text);
    expect(decrypt(path.replace('/x/', '/y/'), sealed)).toMatchObject({ unreadable: expect.any(String) });
    expect(kmsEncryptor('no-colon')).toBeUndefined();
    expect(kmsEncryptor('short:aGVsbG8=')).toBeUndefined();
  });

  it('a volume of the real gateway keeps its form: what is written is sealed and read with what was there', async () => {
    const kms = await openVolume(encrypted.metaUrl, {
      storage: 'file',
      bucket: encrypted.bucket,
      backgroundJobs: false,
    });
    try {
      const store = new VolumeIamStore(kms, decrypt);
      const before = await store.load();
      const storage = new VolumeRecordStorage(kms, { crypto: { decrypt, encrypt } });
      const zoe = { secretKey: 'zoes-secret-12', enabled: true, expiresAtMs: undefined, sessionToken: '', parent: '' };
      await storage.write({ users: new Map([['zoe', zoe]]) });
      const raw = await read(kms, [...IAM, 'users', 'zoe', 'identity.json']);
      expect(raw[0]).toBe(1);
      expect(raw.toString('latin1')).not.toContain('zoes-secret-12');
      const after = await store.load();
      expect(after.users.get('zoe')).toEqual(zoe);
      expect(after.users.size).toBe(before.users.size + 1);
      expect(await storage.read('users', 'zoe')).toEqual(zoe);
    } finally {
      await kms.close();
    }
  });
});

describe('the lock on identities', () => {
  it('keeps other gateways out, as theirs keeps this one out, and ends with a session that died', async () => {
    const other = await openVolume(plain.metaUrl, { storage: 'file', bucket: plain.bucket, backgroundJobs: false });
    try {
      const [mine, theirs] = [new VolumeLock(volume, 200), new VolumeLock(other, 200)];
      let refused: unknown;
      await mine.hold(async () => {
        refused = await theirs.hold(async () => 'entered').catch((error: unknown) => error);
      });
      expect(refused).toBeInstanceOf(StoreBusy);
      expect(await theirs.hold(async () => 'entered')).toBe('entered');
      await expect(mine.hold(async () => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
      expect(await theirs.hold(async () => 'entered')).toBe('entered');
      const { inode } = await volume.stat(['.minio.sys', 'config_lock']);
      expect(await volume.tryLock(inode)).toBeDefined();
      expect(await other.tryLock(inode)).toBeUndefined();
    } finally {
      await other.close();
    }
  });

  it('makes the lock file where there is none', async () => {
    await volume.unlink(['.minio.sys', 'config_lock']);
    expect(await new VolumeLock(volume).hold(async () => 1)).toBe(1);
    expect((await volume.stat(['.minio.sys', 'config_lock'])).size).toBe(0);
  });

  it('lets the changes of two gateways on the same record follow each other', async () => {
    const other = await openVolume(plain.metaUrl, { storage: 'file', bucket: plain.bucket, backgroundJobs: false });
    try {
      const [first, second] = [new VolumeRecordStorage(volume), new VolumeRecordStorage(other)];
      const add = (storage: VolumeRecordStorage, member: string) =>
        storage.exclusively(async () => {
          const group = await storage.read('groups', 'devs');
          const members = group !== undefined && 'members' in group ? group.members : [];
          await storage.write({ groups: new Map([['devs', { enabled: true, members: [...members, member] }]]) });
        });
      await Promise.all(Array.from({ length: 20 }, (_, index) => add(index % 2 === 0 ? first : second, `m${index}`)));
      const group = await first.read('groups', 'devs');
      const members = group !== undefined && 'members' in group ? group.members : [];
      expect(members.filter((name) => /^m\d/.test(name))).toHaveLength(20);
    } finally {
      await other.close();
    }
  });
});
