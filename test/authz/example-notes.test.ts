// The example service that is no S3, as its readers run it: a sidecar over TCP with a store of its own and a caller of limited scope,
// users by mc's API, and the service between them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { AdminClient, allow } from '../admin/admin-client.ts';
import { TestAuthority } from '../harness/certificates.ts';
import { CLI, cleanEnvironment, freePort, ROOT_KEYS } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { S3Client } from '../harness/s3-client.ts';
import { eventually } from '../harness/waiting.ts';

const TOKEN = 'the-token-of-the-notes-service';
const CONFINED = 'the-token-of-a-confined-caller';
const PASSWORDS = { ada: 'ada-password', ben: 'ben-password' };

const folder = mkdtempSync(join(tmpdir(), 'portcullis-notes-'));
let sidecar: TestProcess;
let service: TestProcess;
let admin: AdminClient;
let grpcPort: number;
let httpPort: number;
let notesPort: number;
let authority: TestAuthority;

async function startSidecar(): Promise<void> {
  const server = authority.issue('localhost', 'serverAuth');
  sidecar = new TestProcess(
    process.execPath,
    [
      ...[CLI, 'authz', '--listen', `127.0.0.1:${grpcPort}`, '--http-listen', `127.0.0.1:${httpPort}`],
      ...['--store', `sqlite:${join(folder, 'iam.db')}`, '--callers', join(folder, 'callers.json')],
      ...['--tls-cert', server.certFile, '--tls-key', server.keyFile],
    ],
    { ...cleanEnvironment(), MINIO_ROOT_USER: ROOT_KEYS.accessKey, MINIO_ROOT_PASSWORD: ROOT_KEYS.secretKey },
  );
  await eventually('the sidecar is ready', () => {
    if (sidecar.exit !== undefined) throw new Error(sidecar.log);
    return sidecar.log.includes('"ready"');
  });
}

beforeAll(async () => {
  grpcPort = await freePort();
  httpPort = await freePort();
  notesPort = await freePort();
  authority = new TestAuthority(folder, 'authority');
  writeFileSync(
    join(folder, 'callers.json'),
    JSON.stringify([
      { name: 'notes', token: TOKEN, actions: ['s3:*Object'], resources: ['arn:aws:s3:::notes/*'], names: ['*'] },
      { name: 'confined', token: CONFINED, names: ['ada'], resources: ['arn:aws:s3:::notes/ada/*'] },
    ]),
  );
  await startSidecar();
  const http = new S3Client({ host: '127.0.0.1', port: httpPort });
  admin = new AdminClient(http, ROOT_KEYS);
  for (const [user, secret] of Object.entries(PASSWORDS)) expect((await admin.addUser(user, secret)).status).toBe(200);
  await admin.addPolicy(
    'own-notes',
    allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], ['arn:aws:s3:::notes/${aws:username}/*']),
  );
  await admin.addPolicy('read-shared', allow(['s3:GetObject'], ['arn:aws:s3:::notes/ada/shared-*']));
  await admin.setPolicies('own-notes', { user: 'ada' });
  await admin.setPolicies('own-notes,read-shared', { user: 'ben' });
  service = new TestProcess(process.execPath, [resolve(import.meta.dirname, '../../examples/notes/server.mjs')], {
    ...cleanEnvironment(),
    NOTES_SIDECAR: `127.0.0.1:${grpcPort}`,
    NOTES_SIDECAR_CA: authority.certFile,
    NOTES_TOKEN: TOKEN,
    NOTES_PORT: String(notesPort),
    NOTES_PASSWORDS: JSON.stringify(PASSWORDS),
  });
  await eventually('the service is ready', () => {
    if (service.exit !== undefined) throw new Error(service.log);
    return service.log.includes('notes: http');
  });
});
afterAll(() => {
  service?.killGroup();
  sidecar?.killGroup();
  rmSync(folder, { recursive: true, force: true });
});

async function call(user: keyof typeof PASSWORDS | undefined, method: string, path: string, body?: string) {
  const authorization = user === undefined ? {} : { authorization: `Basic ${btoa(`${user}:${PASSWORDS[user]}`)}` };
  const answer = await fetch(`http://127.0.0.1:${notesPort}/${path}`, {
    method,
    headers: authorization,
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

describe('the notes service', () => {
  it('lets users do what policies allow, and nothing else', async () => {
    expect((await call('ada', 'PUT', 'ada/diary', 'secret')).status).toBe(204);
    expect((await call('ada', 'PUT', 'ada/shared-list', 'milk')).status).toBe(204);
    expect(await call('ada', 'GET', 'ada/diary')).toEqual({ status: 200, text: 'secret' });
    expect((await call('ben', 'GET', 'ada/diary')).status).toBe(403);
    expect(await call('ben', 'GET', 'ada/shared-list')).toEqual({ status: 200, text: 'milk' });
    expect((await call('ben', 'PUT', 'ada/shared-list', 'gin')).status).toBe(403);
    expect((await call(undefined, 'GET', 'ada/shared-list')).status).toBe(401);
  });

  it('lists what each may read', async () => {
    expect((await call('ada', 'GET', 'ada/')).text).toBe('ada/diary\nada/shared-list\n');
    expect((await call('ben', 'GET', 'ada/')).text).toBe('ada/shared-list\n');
    expect((await call(undefined, 'GET', 'ada/')).text).toBe('');
  });

  it('follows a change of policies at once', async () => {
    await admin.setPolicies('own-notes', { user: 'ben' });
    expect((await call('ben', 'GET', 'ada/shared-list')).status).toBe(403);
    await admin.setPolicies('own-notes,read-shared', { user: 'ben' });
    expect((await call('ben', 'GET', 'ada/shared-list')).status).toBe(200);
    await admin.setUserStatus('ben', 'disabled');
    expect((await call('ben', 'GET', 'ada/shared-list')).status).toBe(403);
    await admin.setUserStatus('ben', 'enabled');
  });

  it('lets nobody in while the sidecar is away, and everybody again when it is back', async () => {
    sidecar.killGroup();
    await sidecar.exited;
    expect((await call('ada', 'GET', 'ada/diary')).status).toBe(503);
    await startSidecar();
    await eventually('the service is back', async () => (await call('ada', 'GET', 'ada/diary')).status === 200);
  });
});

describe('callers of a sidecar', () => {
  const client = (token: string | undefined) =>
    connect({
      address: `127.0.0.1:${grpcPort}`,
      tls: { ca: readAuthority() },
      ...(token === undefined ? {} : { token }),
    });
  const readAuthority = (): Buffer => authority.certificate;
  const get = (user: string, resource: string) => ({
    who: { user },
    accesses: [{ action: 's3:GetObject', resource: `arn:aws:s3:::${resource}` }],
  });

  it('ask in the names and about the resources that are theirs', async () => {
    const confined = client(CONFINED);
    expect((await confined.authorize(get('ada', 'notes/ada/diary'))).allowed).toBe(true);
    await expect(confined.authorize(get('ben', 'notes/ada/diary'))).rejects.toMatchObject({
      name: 'QuestionRefused',
      code: 7,
    });
    await expect(confined.authorize(get('ada', 'notes/ben/diary'))).rejects.toMatchObject({ code: 7 });
    await expect(confined.authorizeBatch(get('ada', 'other/x'))).rejects.toMatchObject({ code: 7 });
    await expect(
      confined.authorize({ ...get('ada', 'notes/ada/x'), context: { time: new Date(1_000) } }),
    ).rejects.toMatchObject({ code: 7 });
    confined.close();
  });

  it('explain to administrators only', async () => {
    const notes = client(TOKEN);
    const question = get('ada', 'notes/ada/diary');
    await expect(notes.explain(question, undefined)).rejects.toMatchObject({ code: 7 });
    await expect(notes.explain(question, { user: 'ada' })).rejects.toMatchObject({ code: 7 });
    notes.close();
  });

  it('are nobody without a token, with a wrong one, and without TLS', async () => {
    const question = get('ada', 'notes/ada/diary');
    const inTheClear = connect({ address: `127.0.0.1:${grpcPort}`, token: TOKEN, timeoutMs: 500 });
    for (const stranger of [client(undefined), client('no-token-of-anybodys'), inTheClear]) {
      expect(await stranger.allows(question, { timeoutMs: 500 })).toBe(false);
      await expect(stranger.authorize(question, { timeoutMs: 500 })).rejects.toMatchObject({
        name: 'AuthorizationUnavailable',
      });
      stranger.close();
    }
  });
});
