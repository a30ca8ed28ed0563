// Health and metrics on the S3 port, as load balancers and Prometheus ask for them: who may read the metrics, and that every worker
// tells of all.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { type S3Answer, S3Client } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const scraper: Keys = { accessKey: 'scraper', secretKey: 'scraper-secret-key' };
const anna: Keys = { accessKey: 'anna', secretKey: 'anna-secret-key' };
const gone: Keys = { accessKey: 'gone', secretKey: 'gone-secret-key' };
const CLUSTER = '/minio/v2/metrics/cluster';
const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3_600;

let folder: string;
let volume: TestVolume;
let gateway: Gateway;
let metricsPort: number;
logsOnFailure(() => gateway);

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(
  { accessKey, secretKey }: Keys,
  claims: object = {},
  header: object = { alg: 'HS512', typ: 'JWT' },
): string {
  const text = `${base64(header)}.${base64({ exp: IN_AN_HOUR, sub: accessKey, iss: 'prometheus', ...claims })}`;
  return `${text}.${createHmac('sha512', secretKey).update(text).digest('base64url')}`;
}
const get = (path: string, bearer?: string, method = 'GET'): Promise<S3Answer> => {
  // a connection each: they reach all workers
  const client = new S3Client(gateway.client.endpoint);
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  return client.raw(method, path, { host: client.host, ...authorization }).finally(() => client.close());
};
/** The sum of a metric's samples whose labels hold all of `labels`. */
function sample(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const wanted = lines.filter((line) =>
    Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)),
  );
  return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

beforeAll(async () => {
  folder = makeTempFolder();
  volume = await formatTestVolume(folder);
  const monitor = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['admin:Prometheus'] }] };
  await writeIdentities(volume, {
    users: [
      { ...scraper, policies: ['monitor'] },
      { ...anna, policies: ['readwrite'] },
      { ...gone, policies: ['monitor'], disabled: true },
    ],
    policies: { monitor },
  });
  metricsPort = await freePort();
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: [
      ...['--multi-buckets', '--workers', '2', '--metrics', `127.0.0.1:${metricsPort}`],
      ...['--audit-log', `${folder}/audit.jsonl`],
    ],
  });
  // the last worker may come after the first has answered, and the listener after all of them
  await eventually('all workers tell their metrics', async () => {
    const listener = await fetch(`http://127.0.0.1:${metricsPort}/metrics`).catch(() => undefined);
    return listener !== undefined && sample(await listener.text(), 'portcullis_gateway_workers') === 2;
  });
});

afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

describe('health', () => {
  it.each(['live', 'ready', 'cluster', 'cluster/read'])('%s is asked with GET and HEAD', async (what) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await get(`/minio/health/${what}`, undefined, method);
      expect(answer).toMatchObject({ status: 200, headers: { 'x-amz-request-id': expect.any(String) } });
      expect(answer.body.length).toBe(0);
    }
    expect(await get(`/minio/health/${what}`, undefined, 'POST')).toMatchObject({
      status: 405,
      code: 'MethodNotAllowed',
    });
  });
});

describe('metrics on the S3 port', () => {
  it.each([CLUSTER, '/minio/v2/metrics/node', '/minio/prometheus/metrics'])('are at %s', async (path) => {
    const answer = await get(path, token(gateway.root));
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
    expect(sample(String(answer.body), 'portcullis_gateway_workers')).toBe(2);
  });

  it('are for users whom a policy allows admin:Prometheus', async () => {
    expect((await get(CLUSTER, token(scraper))).status).toBe(200);
    expect(await get(CLUSTER, token(anna))).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  it.each<[string, () => string | undefined, number, string]>([
    ['nobody', () => undefined, 403, 'AccessDenied'],
    ['another secret', () => token({ ...scraper, secretKey: 'guessed-secret' }), 403, 'SignatureDoesNotMatch'],
    ['an unknown key', () => token({ accessKey: 'nosuchkey', secretKey: 'x' }), 403, 'InvalidAccessKeyId'],
    ['a disabled user', () => token(gone), 403, 'InvalidAccessKeyId'],
    ['a token that is over', () => token(scraper, { exp: 1_600_000_000 }), 400, 'ExpiredToken'],
    ['a token without end', () => token(scraper, { exp: undefined }), 400, 'ExpiredToken'],
    ['a token of another issuer', () => token(scraper, { iss: 'web' }), 400, 'ExpiredToken'],
    ['no algorithm', () => token(scraper, {}, { alg: 'none' }), 400, 'ExpiredToken'],
    ['another algorithm', () => token(scraper, {}, { alg: 'HS256' }), 400, 'ExpiredToken'],
  ])('are not for %s', async (_, bearer, status, code) => {
    const answer = await get(CLUSTER, bearer());
    expect(answer).toMatchObject({ status, code });
    expect(String(answer.body)).not.toContain('portcullis_');
  });

  it('tell what the sidecar decides, knows and writes down', async () => {
    const all = async (): Promise<string> => String((await get(CLUSTER, token(gateway.root))).body);
    const before = await all();
    expect(await get(CLUSTER, token(anna))).toMatchObject({ status: 403 });
    await eventually('the refusal is counted, and its line kept', async () => {
      const after = await all();
      const refused = (text: string): number => sample(text, 'portcullis_decisions_total', { refused: 'true' });
      const written = (text: string): number =>
        sample(text, 'portcullis_audit_written_total', { place: `${folder}/audit.jsonl` });
      return refused(after) > refused(before) && written(after) > written(before);
    });
    expect(sample(before, 'portcullis_identities', { kind: 'users' })).toBe(3);
    expect(sample(before, 'portcullis_audit_dropped_total')).toBe(0);
    expect(sample(before, 'portcullis_identity_loads_total')).toBeGreaterThan(0);
  });

  it('are all that their token opens', async () => {
    for (const path of ['/', '/minio/admin/v3/info', '/minio/admin/v3/list-users', '/photos/a']) {
      const answer = await get(path, token(gateway.root));
      expect({ path, refused: answer.status >= 400 && answer.status < 500 }).toEqual({ path, refused: true });
    }
  });

  it('count what was done on all workers, also on the listener of --metrics', async () => {
    const before = String((await get(CLUSTER, token(scraper))).body);
    const put = { method: 'PUT', bucket: 'photos', keys: gateway.root };
    expect((await gateway.client.send(put)).status).toBe(200);
    for (let i = 0; i < 8; i++) {
      // a connection each
      const client = new S3Client(gateway.client.endpoint);
      expect((await client.send({ ...put, key: `k${i}`, body: 'hello' })).status).toBe(200);
      expect((await client.send({ bucket: 'photos', key: 'none', keys: gateway.root })).status).toBe(404);
      client.close();
    }
    const listener = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    for (const text of [String((await get(CLUSTER, token(scraper))).body), await listener.text()]) {
      const added = (name: string, labels: Readonly<Record<string, string>>): number =>
        sample(text, name, labels) - sample(before, name, labels);
      expect(added('portcullis_s3_requests_total', { operation: 'PutObject', status: '200' })).toBe(8);
      expect(added('portcullis_s3_requests_total', { operation: 'GetObject', status: '404' })).toBe(8);
      expect(added('portcullis_s3_request_duration_seconds_count', { operation: 'PutObject' })).toBe(8);
      expect(added('portcullis_s3_received_bytes_total', { operation: 'PutObject' })).toBe(40);
      expect(added('minio_s3_requests_total', { api: 'putobject' })).toBe(8);
      expect(added('minio_s3_requests_4xx_errors_total', { api: 'getobject' })).toBe(8);
      expect(added('minio_s3_traffic_received_bytes', {})).toBe(40);
      expect(added('portcullis_authz_duration_seconds_count', { result: 'answer' })).toBeGreaterThanOrEqual(17);
      expect(added('portcullis_volume_duration_seconds_count', {})).toBeGreaterThanOrEqual(8);
      expect(sample(text, 'juicefs_used_inodes')).toBeGreaterThan(8);
      expect(sample(text, 'process_resident_memory_bytes')).toBeGreaterThan(20_000_000);
      expect(text).toContain('# TYPE minio_s3_requests_total counter');
    }
  });
});

describe('with MINIO_PROMETHEUS_AUTH_TYPE=public', () => {
  it('metrics are for everyone, and /minio/health/ready fails without a sidecar', async () => {
    const open = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--workers', '1', '--authz', `unix:${folder}/nobody.sock`],
      env: { MINIO_PROMETHEUS_AUTH_TYPE: 'public' },
      health: 'live',
    });
    try {
      const ask = (path: string) => open.client.raw('GET', path, { host: open.client.host });
      expect((await ask(CLUSTER)).status).toBe(200);
      for (const what of ['ready', 'cluster']) expect((await ask(`/minio/health/${what}`)).status).toBe(503);
    } finally {
      await open.dispose();
    }
  });
});
