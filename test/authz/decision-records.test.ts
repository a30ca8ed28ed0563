import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { BucketRecord } from '../../src/authz/store/iam-store.ts';
import { ROOT } from './sidecar-client.ts';
import { anonymousCredentials, headerCredentials } from './signing-client.ts';
import {
  ALICE,
  aliceWith,
  allow,
  ask,
  BOB,
  deny,
  directory,
  outcome,
  policy,
  serve,
  sidecar,
  useSidecar,
} from './stored-identities.ts';

useSidecar();

const { OUTCOME_ALLOW, OUTCOME_IMPLICIT_DENY } = Outcome;

describe('Explain', () => {
  const request = {
    credentials: headerCredentials(ALICE),
    accesses: [{ action: 's3:PutObject', resource: 'arn:aws:s3:::photos/a' }],
  };

  it('shows an administrator which element of which statement did not match', async () => {
    await serve(aliceWith({ reads: policy(allow('s3:GetObject', 'photos/*'), allow('s3:PutObject', 'photos/up/*')) }));
    const { response, accesses } = await sidecar.explain({ request, asker: headerCredentials(ROOT) });
    expect(response?.decision?.outcome).toBe(OUTCOME_IMPLICIT_DENY);
    expect(accesses[0]?.statements).toMatchObject([
      { statement: { policy: 'reads', index: 0 }, matched: false, failedElement: 'Action' },
      { statement: { policy: 'reads', index: 1 }, matched: false, failedElement: 'Resource' },
    ]);
  });

  it('is not for others', async () => {
    await serve({ userPolicies: new Map([['bob', ['consoleAdmin']]]) });
    await expect(sidecar.explain({ request })).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    await expect(sidecar.explain({ request, asker: headerCredentials(ALICE) })).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    expect((await sidecar.explain({ request, asker: headerCredentials(BOB) })).accesses).toHaveLength(1);
  });
});

describe('the audit log', () => {
  it('holds one line an access, and no secret', async () => {
    const auditLog = join(directory, 'audit.jsonl');
    await serve(aliceWith({ reads: policy({ ...allow('s3:GetObject', 'photos/*'), Sid: 'read' }) }), { auditLog });
    await sidecar.batch({
      credentials: headerCredentials(ALICE),
      accesses: [
        { action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a\nb' },
        { action: 's3:PutObject', resource: 'arn:aws:s3:::photos/a' },
      ],
      context: { requestId: 'R1', sourceAddress: '192.0.2.7' },
    });
    await ask({ ...ALICE, secretKey: 'wrong' }, 's3:GetObject', 'photos/a');
    await sidecar.stop();
    const text = readFileSync(auditLog, 'utf8');
    const who = { requestId: 'R1', sourceAddress: '192.0.2.7', principalType: 'User', accessKey: 'alice' };
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      { ...who, resource: 'arn:aws:s3:::photos/a\nb', outcome: 'Allow', policy: 'reads', sid: 'read', statement: 0 },
      { ...who, action: 's3:PutObject', outcome: 'ImplicitDeny', reason: 'NoPolicyAllows' },
      { outcome: 'Unauthenticated', reason: 'SignatureDoesNotMatch', accessKey: '' },
    ]);
    expect(text).not.toMatch(/alice-secret|Signature=/);
  });

  it('holds a request whose accesses must all be allowed in one line, with the facts and the access that decided', async () => {
    const auditLog = join(directory, 'audit.jsonl');
    await serve(aliceWith({ reads: policy(allow('s3:GetObject', 'photos/*')) }), { auditLog });
    await sidecar.authorize({
      credentials: headerCredentials(ALICE),
      accesses: [
        { action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a' },
        { action: 's3:PutObject', resource: 'arn:aws:s3:::photos/b' },
      ],
      context: { requestId: 'R2', sourceAddress: '192.0.2.7', referer: 'https://a.example/?X-Amz-Signature=sealed' },
    });
    await sidecar.stop();
    const text = readFileSync(auditLog, 'utf8');
    expect(text.trim().split('\n').length).toBe(1);
    expect(JSON.parse(text)).toMatchObject({
      requestId: 'R2',
      principal: 'arn:aws:iam::000000000000:user/alice',
      action: 's3:PutObject',
      resource: 'arn:aws:s3:::photos/b',
      outcome: 'ImplicitDeny',
      accesses: [
        { action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a', outcome: 'Allow' },
        { action: 's3:PutObject', resource: 'arn:aws:s3:::photos/b', outcome: 'ImplicitDeny' },
      ],
      context: { 'aws:SourceIp': ['192.0.2.7'], 'aws:username': ['alice'], 'aws:Referer': ['https://a.example/'] },
      latencyMs: expect.any(Number),
    });
    expect(text).not.toContain('sealed');
  });

  it('is written before an answer is given, or none is given, where it is required', async () => {
    const folder = join(directory, 'log');
    mkdirSync(folder);
    const auditLog = join(folder, 'audit.jsonl');
    await serve(aliceWith({ reads: policy(allow('s3:GetObject', 'photos/*')) }), {
      auditLog,
      auditRotation: { maxBytes: 1, keep: 1 },
      auditRequired: true,
    });
    expect(await outcome(ALICE, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    expect(readFileSync(auditLog, 'utf8').trim().split('\n').length).toBe(1);
    rmSync(folder, { recursive: true });
    const refused = { code: status.UNAVAILABLE };
    await expect(ask(ALICE, 's3:GetObject', 'photos/a')).rejects.toMatchObject(refused);
    await expect(ask(ALICE, 's3:GetObject', 'photos/a')).rejects.toMatchObject(refused);
    mkdirSync(folder);
    await expect
      .poll(() => outcome(ALICE, 's3:GetObject', 'photos/a').catch(() => undefined), { timeout: 10_000 })
      .toBe(OUTCOME_ALLOW);
  });
});

describe('a refusal', () => {
  const refusal = async (...asked: Parameters<typeof ask>): Promise<string> => (await ask(...asked)).message;

  it('tells who asked with credentials what was refused, and whether nothing allows it or something denies it', async () => {
    const bucketPolicy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ ...deny('s3:DeleteObject', 'photos/*'), Principal: '*' }],
    });
    const bucket: BucketRecord = { createdMs: 0, lockEnabled: false, documents: new Map([['policy', bucketPolicy]]) };
    await serve({
      ...aliceWith({ all: policy(allow('s3:GetObject', 'photos/*'), deny('s3:GetObject', 'photos/private/*')) }),
      buckets: new Map([['photos', bucket]]),
    });
    const who = 'User: arn:aws:iam::000000000000:user/alice is not authorized to perform:';
    expect(await refusal(ALICE, 's3:PutObject', 'photos/a')).toBe(
      `${who} s3:PutObject on resource: "arn:aws:s3:::photos/a" because no identity-based policy allows the s3:PutObject action`,
    );
    expect(await refusal(ALICE, 's3:GetObject', 'photos/private/a')).toBe(
      `${who} s3:GetObject on resource: "arn:aws:s3:::photos/private/a" with an explicit deny in an identity-based policy`,
    );
    expect(await refusal(ALICE, 's3:DeleteObject', 'photos/a')).toBe(
      `${who} s3:DeleteObject on resource: "arn:aws:s3:::photos/a" with an explicit deny in a resource-based policy`,
    );
    expect(await refusal(anonymousCredentials, 's3:GetObject', 'photos/a')).toBe('');
  });
});
