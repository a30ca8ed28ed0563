// `portcullis conformance run` as built: its output, its exit code, and a sidecar process as its target.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningAuthz, serveAuthz } from '../../src/cli/authz.ts';
import { runCommand } from '../harness/run-command.ts';

const VECTORS = [
  {
    id: 'a-read',
    family: 'example-reads',
    dialects: ['juicefs', 'minio'],
    kind: 'identity',
    policies: {
      identity: [
        {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' }],
        },
      ],
      session: null,
      bucket: null,
      boundary: null,
    },
    request: {
      principal: { type: 'User', account: '', user: 'alice' },
      action: 's3:GetObject',
      resource: { bucket: 'photos', object: 'cat.jpg' },
      conditions: {},
    },
    expect: 'ALLOW',
  },
  {
    id: 'a-document',
    family: 'example-documents',
    dialects: ['minio'],
    kind: 'parse',
    parser: 'identity',
    document: '{"Version":"2012-10-17","Statement":[{"Effect":"allow","Action":"s3:*","Resource":"arn:aws:s3:::b"}]}',
    valid: false,
    storable: false,
  },
  {
    id: 'a-table',
    family: 'example-tables',
    dialects: ['juicefs'],
    kind: 'key-table',
    parser: 'bucket',
    action: 's3:DeleteBucket',
    accepted: true,
    keys: [],
  },
  {
    id: 'a-request',
    family: 'example-http',
    dialects: ['juicefs'],
    kind: 'conditions',
    http: {
      method: 'GET',
      path: '/photos',
      query: 'prefix=a%2F',
      headers: { Referer: ['https://ok/'] },
      remoteAddr: '10.0.0.5:9',
      tls: true,
    },
    username: 'alice',
    root: false,
    claims: { sub: 's1' },
    locationConstraint: '',
    expect: {
      CurrentTime: ['<now>'],
      EpochTime: ['<now>'],
      Referer: ['https://ok/'],
      SecureTransport: ['true'],
      SourceIp: ['10.0.0.5'],
      UserAgent: [''],
      authType: [''],
      prefix: ['a/'],
      principaltype: ['AssumedRole'],
      signatureversion: [''],
      sub: ['s1'],
      userid: ['alice'],
      username: ['alice'],
      versionid: [''],
    },
  },
];

let folder: string;
let sidecar: RunningAuthz;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-conformance-'));
  writeFileSync(join(folder, 'vectors.jsonl'), VECTORS.map((vector) => JSON.stringify(vector)).join('\n'));
  sidecar = await serveAuthz({
    listen: `unix:${join(folder, 'authz.sock')}`,
    store: 'none:',
    root: { accessKey: 'root', secretKey: 'root-secret' },
    logger: pino({ level: 'silent' }),
  });
});
afterAll(async () => {
  await sidecar?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...flags: string[]): ReturnType<typeof runCommand> =>
  runCommand(['conformance', 'run', '--vectors', folder, ...flags]);

describe('conformance run', () => {
  it.each(['in-process', 'grpc'])('passes against %s', async (target) => {
    const named = target === 'grpc' ? `grpc:${sidecar.address}` : target;
    const { code, stdout, stderr } = await run('--target', named);
    expect(stdout).toMatch(/^family +passed +departed +failed\n/);
    expect(stdout.endsWith('\ndeparted: 0\n4 passed, 0 failed\n')).toBe(true);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ends with 1 when something fails, and still says nothing on standard error', async () => {
    const wrong = mkdtempSync(join(folder, 'wrong-'));
    writeFileSync(join(wrong, 'v.jsonl'), JSON.stringify({ ...VECTORS[0], expect: 'DENY' }));
    const { code, stdout, stderr } = await runCommand(['conformance', 'run', '--vectors', wrong]);
    expect(stdout).toContain('FAILED a-read (example-reads, identity, juicefs): expected DENY, got ALLOW');
    expect(stdout.endsWith('\n0 passed, 1 failed\n')).toBe(true);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  it('ends with 1 when no vector was chosen', async () => {
    expect(await run('--family', 'nothing-*')).toMatchObject({ code: 1, stderr: '' });
  });

  it('finds the vectors of the package itself', async () => {
    const { code, stdout } = await runCommand(['conformance', 'run', '--family', 'canned']);
    expect(stdout).toMatch(/\ncanned +\d+ +0 +0\n/);
    expect(code).toBe(0);
  });

  it.each(['in-process', 'grpc'])(
    'passes all of the package against %s',
    async (target) => {
      const named = target === 'grpc' ? `grpc:${sidecar.address}` : target;
      const { code, stdout, stderr } = await runCommand(['conformance', 'run', '--target', named]);
      expect(stdout).toMatch(/\n\d{5} passed, 0 failed\n$/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
    300_000,
  );

  it.each([
    [['--vectors', '/nowhere']],
    [['--target', 'carrier-pigeon']],
    [['--dialect', 'cobol']],
    [['--token-file', '/nowhere']],
  ])('refuses %j', async (flags) => {
    const { code, stdout, stderr } = await run(...flags);
    expect(code).not.toBe(0);
    expect(stdout).not.toContain('passed');
    expect(stderr).not.toBe('');
  });
});
