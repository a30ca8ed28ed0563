// Several gateways with a sidecar each on one volume: what one changes the other honours, and neither undoes the other's work;
// changes outlive the sidecar that made them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';
import { AdminClient, ASSUME_ROLE, postSts, sessionKeys } from './admin-client.ts';

const SECRET = 'a-secret-of-a-user';
const KMS_KEY = `test-key:${Buffer.alloc(32, 7).toString('base64')}`;
let folder: string;
let first: Gateway;
let second: Gateway;
logsOnFailure(() => first);

const start = (metaUrl: string): Promise<Gateway> =>
  startGateway({
    metaUrl,
    // IAM files are sealed, as on a volume of a gateway with a KMS
    env: { MINIO_KMS_SECRET_KEY: KMS_KEY },
    flags: ['--multi-buckets', '--workers', '1'],
  });
const adminOf = (gateway: Gateway): AdminClient => new AdminClient(gateway.client, gateway.root);
const keysOf = (accessKey: string): Keys => ({ accessKey, secretKey: SECRET });
const get = async (gateway: Gateway, keys: Keys): Promise<number> =>
  (await gateway.client.send({ bucket: 'photos', key: 'k', keys })).status;

beforeAll(async () => {
  folder = makeTempFolder();
  const { metaUrl } = await formatTestVolume(folder);
  first = await start(metaUrl);
  await first.client.send({ method: 'PUT', bucket: 'photos', keys: first.root });
  await first.client.send({ method: 'PUT', bucket: 'photos', key: 'k', body: 'x', keys: first.root });
  second = await start(metaUrl);
});
afterAll(async () => {
  await first?.dispose();
  await second?.dispose();
  removeTempFolder(folder);
});

describe('two gateways', () => {
  it('know a user and a session that the other made, as soon as they are shown one', async () => {
    await adminOf(first).addUser('shared', SECRET);
    await adminOf(first).setPolicies('readonly', { user: 'shared' });
    expect(await get(second, keysOf('shared'))).toBe(200);
    const session = sessionKeys(await postSts(first.client, keysOf('shared'), ASSUME_ROLE));
    // unknown keys make a sidecar look again, but not more than once a second
    await eventually('the session is known', async () => (await get(second, session)) === 200, 10_000);
  });

  it('keep the members that the other gave a group', async () => {
    const [a, b] = [adminOf(first), adminOf(second)];
    await a.addUser('one', SECRET);
    await a.addUser('two', SECRET);
    expect((await a.updateGroup('crowd', ['one'])).status).toBe(200);
    expect((await b.updateGroup('crowd', ['two'])).status).toBe(200);
    const told = await b.call({ method: 'GET', path: 'group', query: { group: 'crowd' } });
    expect(told.json).toMatchObject({ members: ['one', 'two'] });
  });

  it('keep the secret that the other gave a user, when they enable it', async () => {
    const [a, b] = [adminOf(first), adminOf(second)];
    await a.addUser('renewed', SECRET);
    await b.addUser('renewed', 'a-new-secret-1');
    await a.setUserStatus('renewed', 'disabled');
    await a.setUserStatus('renewed', 'enabled');
    await a.setPolicies('readonly', { user: 'renewed' });
    expect(await get(first, { accessKey: 'renewed', secretKey: 'a-new-secret-1' })).toBe(200);
    expect(await get(first, keysOf('renewed'))).toBe(403);
  });

  it('take changes made at the same time, one after the other', async () => {
    const a = adminOf(first);
    const users = Array.from({ length: 8 }, (_, index) => `parallel${index}`);
    for (const user of users) await a.addUser(user, SECRET);
    const answers = await Promise.all(users.map((user) => a.updateGroup('everybody', [user])));
    expect(answers.map(({ status }) => status)).toEqual(users.map(() => 200));
    const told = await a.call({ method: 'GET', path: 'group', query: { group: 'everybody' } });
    expect([...(told.json as { members: string[] }).members].sort()).toEqual(users);
  });
});

describe('a change', () => {
  it('is there after a restart', async () => {
    await adminOf(first).updateGroup('lasting', ['shared']);
    const told = async () => (await adminOf(first).userInfo('shared')).json;
    expect(await told()).toEqual({ policyName: 'readonly', status: 'enabled', memberOf: ['lasting'] });
    expect(await first.stop()).toMatchObject({ code: 0 });
    first = await start(`sqlite3://${folder}/meta.db`);
    expect(await told()).toEqual({ policyName: 'readonly', status: 'enabled', memberOf: ['lasting'] });
    expect(await get(first, keysOf('shared'))).toBe(200);
  });

  it('can be made again after the sidecar died', async () => {
    const admin = adminOf(second);
    expect(second.sidecars()).toHaveLength(1);
    for (const { pid } of second.sidecars()) process.kill(pid, 'SIGKILL');
    await eventually('the sidecar is back', async () => (await admin.addUser('later', SECRET)).status === 200, 30_000);
    expect((await admin.userInfo('later')).json).toEqual({ status: 'enabled' });
  });
});
