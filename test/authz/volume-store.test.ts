// The store on real volumes: what the real gateway wrote is read, changes of others are seen, and nothing is read twice.
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { bucketDocument, isUnreadable } from '../../src/authz/store/iam-store.ts';
import { sealAdminBody } from '../../src/authz/store/madmin-crypto.ts';
import { openStore } from '../../src/authz/store/open-store.ts';
import { VolumeIamStore } from '../../src/authz/store/volume-store.ts';
import { openVolume, type Volume, type VolumePath } from '../../src/juicefs/index.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';

const KMS_KEY = 'golden-kms-key:5lhkTdRGt6C96tANI/PpW4Pqb85iLdKCYDgDSdjR17k=';
const plain = unpackGolden('iam-volume');
const encrypted = unpackGolden('iam-kms');
const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const open of closing.splice(0)) await open.close();
});
afterAll(() => {
  for (const { directory } of [plain, encrypted]) rmSync(directory, { recursive: true, force: true });
});

async function open(volume: typeof plain, kmsSecretKey?: string): Promise<VolumeIamStore> {
  const opened = await openStore(volume.metaUrl, { storage: 'file', bucket: volume.bucket, kmsSecretKey });
  closing.push(opened);
  const { store } = opened;
  if (!(store instanceof VolumeIamStore)) throw new Error('not a volume store');
  return store;
}

async function openForWriting(): Promise<Volume> {
  const volume = await openVolume(plain.metaUrl, { storage: 'file', bucket: plain.bucket, backgroundJobs: false });
  closing.push(volume);
  return volume;
}

async function put(volume: Volume, path: VolumePath, content: string | Buffer): Promise<void> {
  const writer = volume.create(path);
  await writer.write(Buffer.from(content));
  await writer.commit();
}

const IAM = ['.minio.sys', 'config', 'iam'];

describe('the volume store', () => {
  it('reads users, groups, mappings, policies and bucket configuration', async () => {
    const records = await (await open(plain)).load();
    expect([...records.users.keys()].sort()).toEqual(['alice', 'bob', 'carol', 'dave', 'erin', 'nopolicy']);
    expect(records.users.get('carol')).toMatchObject({ secretKey: 'carol-secret-1', enabled: false });
    expect(records.groups.get('ops')).toEqual({ enabled: false, members: ['erin'] });
    expect(records.userPolicies.get('erin')).toEqual(['golden-ro', 'golden-admin-users']);
    expect(records.groupPolicies.get('devs')).toEqual(['golden-prefix-rw']);
    expect(records.sessions.get('2D33JL7WID6JXJEWV10F')).toMatchObject({
      parent: 'alice',
      expiresAtMs: Date.UTC(2026, 10, 29, 3, 26, 45),
    });
    expect(records.serviceAccounts.get('svcbob00001')).toMatchObject({ parent: 'bob', expiresAtMs: undefined });
    const bucket = records.buckets.get('iam-public');
    expect(bucket).toMatchObject({ createdMs: Date.parse('2026-11-22T03:26:39.215Z') });
    expect(JSON.parse(bucketDocument(bucket, 'policy'))).toMatchObject({
      Statement: expect.arrayContaining([expect.objectContaining({ Effect: 'Allow' })]),
    });
    const events = records.buckets.get('iam-events');
    expect(bucketDocument(events, 'notification')).toContain('arn:minio:sqs');
  });

  it.each([
    ['missing', (block: string) => rmSync(block)],
    ['cut off', (block: string) => truncateSync(block, 10)],
  ])('refuses an identity whose block is %s, and nobody else, until it is there again', async (_, damage) => {
    const blocks = (): string[] =>
      readdirSync(plain.bucket, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name));
    const before = new Set(blocks());
    const volume = await openForWriting();
    await put(volume, [...IAM, 'users', 'lost', 'identity.json'], '{"version":1,"credentials":{"secretKey":"s"}}');
    const [block = ''] = blocks().filter((path) => !before.has(path));
    const content = readFileSync(block);
    damage(block);
    const store = await open(plain);
    const { users, policies } = await store.load();
    expect(users.get('lost')).toEqual({ unreadable: expect.stringContaining('missing or damaged') });
    expect(users.get('alice')).toMatchObject({ enabled: true });
    expect([...policies.values()].some((text) => typeof text !== 'string')).toBe(false);
    writeFileSync(block, content);
    expect((await store.load()).users.get('lost')).toMatchObject({ secretKey: 's' });
    await volume.removeTree([...IAM, 'users', 'lost']);
  });

  it('sees the policy that another gateway gave a bucket, at the next look', async () => {
    const store = await open(plain);
    const bucket = (await store.load()).buckets.get('iam-public');
    if (bucket === undefined || isUnreadable(bucket)) throw new Error('the bucket is not there');
    const other = await openStore(plain.metaUrl, { storage: 'file', bucket: plain.bucket });
    closing.push(other);
    const changed = (policy: string) => ({ ...bucket, documents: new Map(bucket.documents).set('policy', policy) });
    const policy = '{"Version":"2012-10-17","Statement":[]}';
    await other.records?.exclusively((records) =>
      records.write({ buckets: new Map([['iam-public', changed(policy)]]) }),
    );
    expect(bucketDocument((await store.load()).buckets.get('iam-public'), 'policy')).toBe(policy);
    await other.records?.exclusively((records) => records.write({ buckets: new Map([['iam-public', bucket]]) }));
  });

  it('sees what another client changed, and keeps the rest', async () => {
    const store = await open(plain);
    const before = await store.load();
    expect(await store.load()).toBe(before);
    const volume = await openForWriting();
    await put(volume, [...IAM, 'policies', 'added', 'policy.json'], '{"Version":"2012-10-17","Statement":[]}');
    await put(volume, [...IAM, 'users', 'damaged', 'identity.json'], '{"version":1,');
    await volume.removeTree([...IAM, 'users', 'nopolicy']);
    const after = await store.load();
    expect(after.revision).not.toBe(before.revision);
    expect(after.policies.get('added')).toContain('2012-10-17');
    expect(after.users.get('damaged')).toEqual({ unreadable: 'it is not JSON' });
    expect(after.users.has('nopolicy')).toBe(false);
    expect(after.users.get('alice')).toBe(before.users.get('alice'));
  });

  it('reads files that are encrypted with the configured key, and says so where it cannot', async () => {
    const records = await (await open(encrypted, KMS_KEY)).load();
    expect(records.users.get('kmsuser')).toMatchObject({ secretKey: 'kms-user-secret' });
    expect(records.policies.get('kms-ro')).toContain('s3:GetObject');

    for (const [key, why] of [
      [undefined, /MINIO_KMS_SECRET_KEY/],
      [`other-key:${KMS_KEY.split(':')[1]}`, /another key/],
      [`golden-kms-key:${Buffer.alloc(32).toString('base64')}`, /does not decrypt/],
    ] as const) {
      const user = (await (await open(encrypted, key)).load()).users.get('kmsuser');
      expect(user !== undefined && isUnreadable(user) && user.unreadable).toMatch(why);
    }
    await expect(open(encrypted, 'nonsense')).rejects.toThrow(/MINIO_KMS_SECRET_KEY must be/);
  });

  it('reads files that were encrypted under the root credentials, as gateways without a KMS key once did', async () => {
    const root = { accessKey: 'rootuser', secretKey: 'rootpassword' };
    const volume = await openForWriting();
    const text = '{"version":1,"credentials":{"accessKey":"old","secretKey":"old-secret","status":"on"}}';
    const path = [...IAM, 'users', 'old', 'identity.json'];
    await put(volume, path, await sealAdminBody('rootuser:rootpassword', Buffer.from(text)));
    const userOf = async (presented: typeof root | undefined) => {
      const opened = await openStore(plain.metaUrl, { storage: 'file', bucket: plain.bucket, root: presented });
      closing.push(opened);
      return { records: opened.records, user: (await opened.store.load()).users.get('old') };
    };
    const { records, user } = await userOf(root);
    expect(user).toMatchObject({ secretKey: 'old-secret', enabled: true });
    expect((await userOf({ ...root, secretKey: 'another' })).user).toEqual({
      unreadable: expect.stringContaining('not with these root credentials'),
    });
    expect((await userOf(undefined)).user).toEqual({ unreadable: expect.stringContaining('it is encrypted') });
    // Written again, it is text.
    if (user === undefined || isUnreadable(user)) throw new Error('the user is not there');
    await records?.exclusively((writer) => writer.write({ users: new Map([['old', { ...user, enabled: false }]]) }));
    const reader = await volume.open(path);
    expect(Buffer.from(await reader.readAll()).toString()).toContain('"status":"off"');
    await reader.close();
    await volume.removeTree([...IAM, 'users', 'old']);
  });

  it('says in one line why a store cannot be opened', async () => {
    await expect(openStore(`sqlite3://${plain.directory}/nothing.db`)).rejects.toThrow(/^[^\n]+$/);
    await expect(openStore('somewhere')).rejects.toThrow(/--store must be/);
  });
});
