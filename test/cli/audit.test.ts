// What was decided, afterwards: audit lines of a real gateway, explained by request id and decided again by a proposed policy.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { type Ran, runCommand } from '../harness/run-command.ts';
import { type S3Answer, xmlValue } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const ALICE = { accessKey: 'alice', secretKey: 'a-secret-of-alice' };
const READS = {
  Version: '2012-10-17',
  Statement: [
    { Sid: 'Read', Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::photos/*'] },
    { Sid: 'Private', Effect: 'Deny', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::photos/private/*'] },
  ],
};

let folder: string;
let gateway: Gateway;
let auditLog: string;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  await writeIdentities(volume, { users: [{ ...ALICE, policies: ['reads'] }], policies: { reads: READS } });
  auditLog = join(folder, 'audit.jsonl');
  const flags = ['--multi-buckets', '--workers', '1', '--audit-log', auditLog, '--audit-required'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  for (const key of [undefined, 'k', 'private/k']) {
    const call = { method: 'PUT', bucket: 'photos', keys: gateway.root };
    await gateway.client.send(key === undefined ? call : { ...call, key, body: 'x' });
  }
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const requestId = (answer: S3Answer): string => String(answer.headers['x-amz-request-id']);
const get = (key: string, keys: typeof ALICE | undefined): Promise<S3Answer> =>
  gateway.client.send({ bucket: 'photos', key, ...(keys === undefined ? {} : { keys }) });
const lines = (): Record<string, unknown>[] =>
  readFileSync(auditLog, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

function explain(id: string, ...flags: string[]): Promise<Ran> {
  const { accessKey, secretKey } = gateway.root;
  const env = { MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, PORTCULLIS_URL: gateway.url };
  return runCommand(['explain', id, ...flags], { env });
}

describe('a refused request', () => {
  it('tells the caller who, what, on what and which kind of denial; an anonymous one nothing', async () => {
    const denied = await get('private/k', ALICE);
    expect(denied.status).toBe(403);
    expect(xmlValue(denied.body, 'Message')).toBe(
      'User: arn:aws:iam::000000000000:user/alice is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::photos/private/k" with an explicit deny in an identity-based policy',
    );
    const put = await gateway.client.send({ method: 'PUT', bucket: 'photos', key: 'k', body: 'x', keys: ALICE });
    expect(xmlValue(put.body, 'Message')).toMatch(/because no identity-based policy allows the s3:PutObject action$/);
    const anonymous = await get('k', undefined);
    expect(anonymous.status).toBe(403);
    expect(xmlValue(anonymous.body, 'Message')).toBe('Access denied.');
  });

  it('is explained to an administrator by its id, by the statements that decided it', async () => {
    const id = requestId(await get('private/k', ALICE));
    const { code, stdout, stderr } = await explain(id);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`request ${id} from 127.0.0.1 by arn:aws:iam::000000000000:user/alice`);
    expect(stdout).toContain('s3:GetObject on arn:aws:s3:::photos/private/k: ExplicitDeny');
    expect(stdout).toContain('reads statement 0 "Read": Allow matches');
    expect(stdout).toContain('reads statement 1 "Private": Deny matches');
    expect(JSON.parse((await explain(id, '--json')).stdout)).toMatchObject([
      { line: { requestId: id, accessKey: 'alice' }, explanation: [{ statements: [{}, { matched: true }] }] },
    ]);
  });

  it('is explained out of the audit log, and to nobody else', async () => {
    const id = requestId(await get('private/k', ALICE));
    const read = await explain(id, '--audit', auditLog);
    expect(read).toMatchObject({ code: 0, stderr: '' });
    expect(read.stdout).toContain('ExplicitDeny');
    const env = { MINIO_ROOT_USER: ALICE.accessKey, MINIO_ROOT_PASSWORD: ALICE.secretKey, PORTCULLIS_URL: gateway.url };
    expect(await runCommand(['explain', id], { env })).toMatchObject({ code: 2, stdout: '' });
    expect(await explain('0000000000000000')).toMatchObject({ code: 1, stdout: '' });
    expect(await explain(id, '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 2 });
  });
});

describe('the audit log of a gateway', () => {
  it('has each decision with its facts, and no secret', async () => {
    const id = requestId(await get('k', ALICE));
    await eventually('the line is there', async () => lines().some((line) => line.requestId === id), 5_000);
    expect(lines().find((line) => line.requestId === id)).toMatchObject({
      principal: 'arn:aws:iam::000000000000:user/alice',
      sourceAddress: '127.0.0.1',
      outcome: 'Allow',
      policy: 'reads',
      sid: 'Read',
      accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/k', outcome: 'Allow' }],
      context: { 'aws:username': ['alice'], 's3:authType': ['REST-HEADER'] },
    });
    const text = readFileSync(auditLog, 'utf8');
    expect(text).not.toMatch(/Signature=|a-secret-of-alice/);
    expect(text).not.toContain(gateway.root.secretKey);
  });

  it('is decided again by a proposed policy', async () => {
    await get('k', ALICE);
    await get('private/k', ALICE);
    const proposed = join(folder, 'proposed.json');
    const write = (statements: readonly object[]): void =>
      writeFileSync(proposed, JSON.stringify({ ...READS, Statement: statements }));
    const replay = (...flags: string[]): Promise<Ran> =>
      runCommand(['policy', 'replay', '--audit', auditLog, '--policy', proposed, ...flags]);

    write(READS.Statement);
    expect(await replay('--principal', 'alice')).toMatchObject({ code: 0, stderr: '' });
    write(READS.Statement.slice(0, 1));
    const opened = await replay('--principal', 'alice');
    expect(opened.code).toBe(1);
    expect(opened.stdout).toMatch(/^newly allowed: s3:GetObject on arn:aws:s3:::photos\/private\/k by /);
    write(READS.Statement.slice(1));
    const closed = await replay('--principal', 'alice', '--json');
    expect(closed.code).toBe(1);
    expect(JSON.parse(closed.stdout).changed).toMatchObject([
      { change: 'newly denied', line: { policy: 'reads' }, now: { outcome: 'ImplicitDeny' } },
      ...new Array(JSON.parse(closed.stdout).changed.length - 1).fill({ change: 'newly denied' }),
    ]);
    expect(await replay('--bucket', 'nowhere')).toMatchObject({ code: 0 });
  });

  it('that is none, and a policy that is none, end with 2', async () => {
    const proposed = join(folder, 'damaged.json');
    writeFileSync(proposed, '{');
    expect(await runCommand(['policy', 'replay', '--audit', auditLog, '--policy', proposed])).toMatchObject({
      code: 2,
    });
    writeFileSync(proposed, JSON.stringify(READS));
    const damaged = join(folder, 'damaged.jsonl');
    writeFileSync(damaged, '{"time":"x"}\n');
    const ran = await runCommand(['policy', 'replay', '--audit', damaged, '--policy', proposed]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('damaged.jsonl:1: it is no audit line');
    expect(await runCommand(['policy', 'replay', '--policy', proposed])).toMatchObject({ code: 2 });
  });
});
