// A gateway whose sidecar runs elsewhere: over TLS both ways, known by its certificate; and what a gateway without one gets.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCallers } from '../../src/authz/grpc/callers.ts';
import { connect } from '../../src/client/index.ts';
import { TestAuthority, type TestCertificate } from '../harness/certificates.ts';
import { CLI, cleanEnvironment, freePort, type Gateway, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const folder = makeTempFolder();
let sidecar: TestProcess;
let gateway: Gateway | undefined;
let address: string;
let authority: TestAuthority;
let known: TestCertificate;

beforeAll(async () => {
  authority = new TestAuthority(folder, 'authority');
  const server = authority.issue('localhost', 'serverAuth');
  known = authority.issue('gateway-1', 'clientAuth');
  address = `localhost:${await freePort()}`;
  const callers = [
    { name: 'gateway', certificate: 'gateway-1', configuration: true },
    { name: 'service', certificate: 'service-1', names: ['*'] },
  ];
  writeFileSync(join(folder, 'callers.json'), JSON.stringify(callers));
  sidecar = new TestProcess(
    process.execPath,
    [
      ...[CLI, 'authz', '--listen', address, '--store', `sqlite:${join(folder, 'iam.db')}`],
      ...['--callers', join(folder, 'callers.json'), '--caller-ca', authority.certFile],
      ...['--tls-cert', server.certFile, '--tls-key', server.keyFile],
    ],
    { ...cleanEnvironment(), MINIO_ROOT_USER: ROOT_KEYS.accessKey, MINIO_ROOT_PASSWORD: ROOT_KEYS.secretKey },
  );
  await eventually('the sidecar is ready', () => {
    if (sidecar.exit !== undefined) throw new Error(sidecar.log);
    return sidecar.log.includes('"ready"');
  });
});
afterAll(async () => {
  await gateway?.dispose();
  sidecar?.killGroup();
  removeTempFolder(folder);
});

describe('a sidecar that wants certificates', () => {
  it('serves the gateway that it knows, decisions and configuration', async () => {
    const volume = await formatTestVolume(folder);
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: [
        ...['--multi-buckets', '--workers', '1', '--authz', address, '--authz-tls-ca', authority.certFile],
        ...['--authz-tls-cert', known.certFile, '--authz-tls-key', known.keyFile],
      ],
    });
    const send = (method: string, key?: string, query: Readonly<Record<string, string>> = {}, body?: string) =>
      (gateway as Gateway).client.send({
        ...{ method, bucket: 'photos', query, keys: ROOT_KEYS },
        ...(key === undefined ? {} : { key }),
        ...(body === undefined ? {} : { body }),
      });
    expect((await send('PUT')).status).toBe(200);
    expect((await send('PUT', 'k', {}, 'x')).status).toBe(200);
    const policy = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::photos/*'] }],
    };
    expect((await send('PUT', undefined, { policy: '' }, JSON.stringify(policy))).status).toBe(204);
    expect((await gateway.client.send({ bucket: 'photos', key: 'k' })).status).toBe(200);
  });

  it('knows services apart from gateways, and strangers from both', async () => {
    const ask = async (certificate: TestCertificate | undefined): Promise<boolean | string> => {
      const client = connect({
        address,
        timeoutMs: 1_500,
        retries: 0,
        tls: {
          ca: authority.certificate,
          ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
        },
      });
      try {
        const question = {
          who: { user: ROOT_KEYS.accessKey },
          accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/k' }],
        };
        return (await client.authorize(question)).allowed;
      } catch (error) {
        return error instanceof Error ? error.name : String(error);
      } finally {
        client.close();
      }
    };
    expect(await ask(authority.issue('service-1', 'clientAuth'))).toBe(true);
    // a gateway names nobody
    expect(await ask(known)).toBe('QuestionRefused');
    expect(await ask(authority.issue('stranger', 'clientAuth'))).toBe('AuthorizationUnavailable');
    expect(await ask(new TestAuthority(folder, 'other').issue('service-1', 'clientAuth'))).toBe(
      'AuthorizationUnavailable',
    );
    expect(await ask(undefined)).toBe('AuthorizationUnavailable');
  });
});

describe('the list of callers', () => {
  it.each([
    ['no JSON', 'x'],
    ['no list', '{}'],
    ['nobody', '[]'],
    ['a caller that shows nothing', '[{"name":"a"}]'],
    ['a short token', '[{"name":"a","token":"short"}]'],
    ['a member that means nothing', '[{"name":"a","certificate":"a","action":["s3:*"]}]'],
    ['one token for two', '[{"name":"a","token":"0123456789abcdef"},{"name":"b","token":"0123456789abcdef"}]'],
  ])('is refused with %s', (_, text) => {
    expect(() => parseCallers(text)).toThrow();
  });
});
