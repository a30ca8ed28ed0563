// S3 over TLS: the certificate of the flags, exchanged while connections are open, and what comes of bad files and plain HTTP.
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sendRaw } from '../gateway/echo-gateway.ts';
import { TestAuthority, type TestCertificate } from '../harness/certificates.ts';
import { type Gateway, logsOnFailure, runCli, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { collect, type S3Answer, type S3Call } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const folder = makeTempFolder();
const authority = new TestAuthority(folder, 'authority');
const anna: Keys = { accessKey: 'anna', secretKey: 'anna-secret-key' };
const certFile = join(folder, 'shown.pem');
const keyFile = join(folder, 'shown.key');
let gateway: Gateway | undefined;
logsOnFailure(() => gateway);
afterEach(() => gateway?.dispose());
afterAll(() => removeTempFolder(folder));

/** Puts both files in place, each at once, as those who renew certificates do. */
function show({ certFile: cert, keyFile: key }: TestCertificate): void {
  for (const [from, to] of [
    [cert, certFile],
    [key, keyFile],
  ] as const) {
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}

async function send(port: number, call: S3Call, agent: Agent | false = false): Promise<S3Answer> {
  if (gateway === undefined) throw new Error('there is no gateway');
  const { method, target, headers, body } = gateway.client.prepare(call);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path: target, headers, ca: authority.certificate, agent };
    httpsRequest(options, resolve).on('error', reject).end(body);
  });
  return collect(response);
}

/** The name in the certificate that is shown to a new connection. */
function shownName(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: authority.certificate }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', () => resolve(undefined));
  });
}

describe('a gateway with a certificate', () => {
  it('serves over TLS, tells policies so, exchanges its certificate, keeps it when the new one is bad', async () => {
    const volume = await formatTestVolume(folder);
    await writeIdentities(volume, {
      users: [{ ...anna, policies: ['secure'] }],
      policies: {
        secure: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['s3:*'],
              Resource: ['*'],
              Condition: { Bool: { 'aws:SecureTransport': 'true' } },
            },
          ],
        },
      },
    });
    show(authority.issue('first', 'serverAuth'));
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: [
        '--multi-buckets',
        '--workers',
        '2',
        '--metrics',
        '127.0.0.1:0',
        '--tls-cert',
        certFile,
        '--tls-key',
        keyFile,
      ],
      isUp: async (at) => (await shownName(at)) !== undefined,
    });
    const { port } = gateway;
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await send(port, { method: 'PUT', bucket: 'photos', keys: anna }, kept)).status).toBe(200);
    expect(
      (await send(port, { method: 'PUT', bucket: 'photos', key: 'a', body: 'hello', keys: anna }, kept)).status,
    ).toBe(200);
    expect(String((await send(port, { bucket: 'photos', key: 'a', keys: anna }, kept)).body)).toBe('hello');

    const plain = await sendRaw(port, `GET /minio/health/live HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
    expect(plain).toMatch(/^HTTP\/1\.1 400 .*https:\/\//s);
    expect(await sendRaw(port, Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]))).not.toContain('HTTP');

    const names = async (): Promise<string> => String(await Promise.all([0, 1, 2, 3].map(() => shownName(port))));
    const timesLogged = (line: RegExp): number => gateway?.process.log.match(line)?.length ?? 0;
    await eventually('both workers serve', () => timesLogged(/metrics are served/) > 0);
    const shown = /another certificate is shown from now on/g;
    show(authority.issue('second', 'serverAuth'));
    await eventually('both workers show the second', () => timesLogged(shown) >= 2);
    expect(await names()).toBe('second,second,second,second');
    expect((await send(port, { bucket: 'photos', key: 'a', keys: anna }, kept)).status).toBe(200);

    const shownBefore = timesLogged(shown);
    writeFileSync(certFile, 'no certificate');
    await eventually('it is refused', () => timesLogged(/the certificate is kept as it was/g) >= 1);
    expect(await names()).toBe('second,second,second,second');
    show(authority.issue('third', 'serverAuth'));
    await eventually('both workers show the third', () => timesLogged(shown) >= shownBefore + 2);
    await eventually('every connection shows the third', async () => (await names()) === 'third,third,third,third');
    kept.destroy();
    expect(gateway.process.log).not.toContain('PRIVATE KEY');
  });

  it('is told in a line why it does not start', async () => {
    const good = authority.issue('good', 'serverAuth');
    const other = authority.issue('other', 'serverAuth');
    const over = authority.issue('over', 'serverAuth', { days: '-1' });
    writeFileSync(join(folder, 'none.pem'), 'nothing');
    const root = { MINIO_ROOT_USER: 'test-root-user', MINIO_ROOT_PASSWORD: 'test-root-password' };
    for (const [cert, key, why] of [
      [good.certFile, other.keyFile, /cannot be used: .*mismatch/],
      [join(folder, 'none.pem'), good.keyFile, /cannot be used/],
      [join(folder, 'absent.pem'), good.keyFile, /cannot be used: ENOENT/],
      [over.certFile, over.keyFile, /cannot be used: the certificate ended on/],
    ] as const) {
      const flags = ['--tls-cert', cert, '--tls-key', key];
      const { code, output } = await runCli(['gateway', ...flags, `sqlite3://${folder}/x.db`, '127.0.0.1:0'], root);
      expect({ code, lines: output.trim().split('\n').length }, output).toEqual({ code: 1, lines: 1 });
      expect(output).toMatch(why);
    }
    const alone = await runCli(
      ['gateway', '--tls-cert', good.certFile, `sqlite3://${folder}/x.db`, '127.0.0.1:0'],
      root,
    );
    expect(alone.output).toContain('--tls-cert and --tls-key go together');
  });

  it("takes it from MinIO's folder when no flag names one", async () => {
    const home = join(folder, 'home');
    const certs = join(home, '.minio/certs');
    mkdirSync(certs, { recursive: true });
    const { certFile: cert, keyFile: key } = authority.issue('minio', 'serverAuth');
    copyFileSync(cert, join(certs, 'public.crt'));
    copyFileSync(key, join(certs, 'private.key'));
    const own = makeTempFolder();
    const volume = await formatTestVolume(own);
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--workers', '1'],
      env: { HOME: home },
      isUp: async (at) => (await shownName(at)) === 'minio',
    });
    expect((await send(gateway.port, { path: '/minio/health/ready' })).status).toBe(200);
    await gateway.dispose();
    removeTempFolder(own);
  });
});
