// Gateways whose sidecar runs elsewhere, with --authz-http: administration, STS and the console's calls go through them all the same, the
// sidecar knows whose requests they are, and believes nobody else about that.
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAuthority } from '../harness/certificates.ts';
import { CLI, cleanEnvironment, freePort, type Gateway, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { collect, type S3Answer } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';
import { AdminClient, ASSUME_ROLE, postSts, sessionKeys } from './admin-client.ts';

const TOKEN = 'token-of-the-gateways-0123456789';
const SECRET = 'a-secret-of-a-user';
const folder = makeTempFolder();
let sidecar: TestProcess;
let httpsPort: number;
let authority: TestAuthority;
/** One reaches the HTTP door over TLS, the other through a socket. */
let far: Gateway;
let near: Gateway;

beforeAll(async () => {
  authority = new TestAuthority(folder, 'authority');
  const server = authority.issue('localhost', 'serverAuth');
  const address = `localhost:${await freePort()}`;
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const callers = join(folder, 'callers.json');
  writeFileSync(callers, JSON.stringify([{ name: 'service', token: 'token-of-a-service-0123456789', names: ['*'] }]));
  sidecar = new TestProcess(
    process.execPath,
    [
      ...[CLI, 'authz', '--listen', address, '--store', `sqlite:${join(folder, 'iam.db')}`],
      ...['--https-listen', '127.0.0.1:0', '--http-listen', `unix:${join(folder, 'http.sock')}`],
      ...['--tls-cert', server.certFile, '--tls-key', server.keyFile],
      ...['--token-file', tokenFile, '--callers', callers],
    ],
    { ...cleanEnvironment(), MINIO_ROOT_USER: ROOT_KEYS.accessKey, MINIO_ROOT_PASSWORD: ROOT_KEYS.secretKey },
  );
  const ready = await eventually('the sidecar is ready', () => {
    if (sidecar.exit !== undefined) throw new Error(sidecar.log);
    return /"https":"127\.0\.0\.1:(\d+)"/.exec(sidecar.log)?.[1];
  });
  httpsPort = Number(ready);
  const { metaUrl } = await formatTestVolume(folder);
  const start = (door: string): Promise<Gateway> =>
    startGateway({
      metaUrl,
      flags: [
        ...['--multi-buckets', '--workers', '1', '--trusted-proxy', '127.0.0.1'],
        ...['--authz', address, '--authz-token-file', tokenFile, '--authz-tls-ca', authority.certFile],
        ...['--authz-http', door],
      ],
    });
  far = await start(`https://localhost:${httpsPort}`);
  near = await start(`unix:${join(folder, 'http.sock')}`);
});
afterAll(async () => {
  await far?.dispose();
  await near?.dispose();
  sidecar?.killGroup();
  removeTempFolder(folder);
});

/** A request of a client that knows the sidecar's address itself. */
function direct(path: string, headers: Readonly<Record<string, string>>): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    request(
      { host: 'localhost', port: httpsPort, path, headers, ca: authority.certificate, agent: false },
      (answer) => {
        collect(answer).then(resolve, reject);
      },
    )
      .on('error', reject)
      .end();
  });
}

describe.each([
  ['over TLS', () => far],
  ['through a socket', () => near],
])('a gateway that reaches its sidecar %s', (way, gateway) => {
  const user = `user-${way.length}`;
  const root = () => new AdminClient(gateway().client, ROOT_KEYS);

  it('lets administrators manage users, and users assume roles', async () => {
    expect((await root().addUser(user, SECRET)).status).toBe(200);
    expect((await root().setPolicies('readwrite', { user })).status).toBe(200);
    const keys = { accessKey: user, secretKey: SECRET };
    const put = await gateway().client.send({ method: 'PUT', bucket: `of-${user}`, keys });
    expect(put.status).toBe(200);
    const session = sessionKeys(await postSts(gateway().client, keys, ASSUME_ROLE));
    expect((await gateway().client.send({ bucket: `of-${user}`, keys: session })).status).toBe(200);
  });

  it('says whose requests they are', async () => {
    await root().addUser(user, SECRET);
    await root().addPolicy(`from-${user}`, {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['admin:ListUsers'],
          Condition: { IpAddress: { 'aws:SourceIp': ['192.0.2.9/32'] } },
        },
      ],
    });
    await root().setPolicies(`from-${user}`, { user });
    const as = new AdminClient(gateway().client, { accessKey: user, secretKey: SECRET });
    const list = (from: string) => as.call({ method: 'GET', path: 'list-users', headers: { 'x-forwarded-for': from } });
    expect((await list('192.0.2.9')).status).toBe(200);
    expect((await list('192.0.2.10')).code).toBe('AccessDenied');
  });

  it('reaches it whatever name the client knows the gateway by', async () => {
    const headers = { host: 'files.example.com' };
    const answer = await gateway().client.raw('GET', '/minio/admin/v3/list-users', headers);
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toContain('"Code":"AccessDenied"');
  });

  it('takes the console to it', async () => {
    const answer = await gateway().client.raw('GET', '/minio/console/api/session', {
      host: gateway().client.host,
      'x-portcullis-console': '1',
    });
    expect(answer.status).toBe(401);
  });
});

describe('at the address of the sidecar', () => {
  it('clients are served for themselves', async () => {
    expect((await direct('/minio/admin/v3/list-users', {})).body.toString()).toContain('AccessDenied');
    expect((await direct('/minio/health/ready', {})).status).toBe(200);
  });

  it('metrics are told to those who may read them', async () => {
    expect((await direct('/metrics', {})).status).toBe(403);
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: ROOT_KEYS.accessKey, iss: 'prometheus', exp: Math.floor(Date.now() / 1000) + 60 };
    const text = `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode(claims)}`;
    const signature = createHmac('sha512', ROOT_KEYS.secretKey).update(text).digest('base64url');
    const answer = await direct('/metrics', { authorization: `Bearer ${text}.${signature}` });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain('portcullis_decisions_total{refused="false"}');
  });

  it.each([
    ['no token', {}],
    ['a wrong token', { 'x-portcullis-token': 'token-of-nobody-0123456789' }],
    ['the token of a caller that is no gateway', { 'x-portcullis-token': 'token-of-a-service-0123456789' }],
  ])('who says with %s whose request it is, is refused', async (_what, headers) => {
    const answer = await direct('/minio/admin/v3/list-users', {
      ...headers,
      'x-portcullis-source-address': '192.0.2.9',
    });
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toContain('has to show a token that this service knows');
  });
});
