// MinIO's own administration client in Python against a gateway: every call it has for users, groups, policies and service accounts.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasMinioAdmin } from './client-tools.ts';

const SLOW_MS = 120_000;

describe.runIf(hasMinioAdmin)('MinioAdmin', () => {
  const folder = makeTempFolder();
  let gateway: Gateway;
  logsOnFailure(() => gateway);
  beforeAll(async () => {
    const volume = await formatTestVolume(folder);
    gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--metrics', '127.0.0.1:0'] });
  });
  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  it(
    'administers users, groups, policies and service accounts, and each change holds at once',
    async () => {
      const child = new TestProcess(
        'python3',
        [
          join(import.meta.dirname, 'minio-admin.py'),
          `127.0.0.1:${gateway.port}`,
          gateway.root.accessKey,
          gateway.root.secretKey,
        ],
        cleanEnvironment(),
      );
      const { code } = await child.exited;
      expect([code, code === 0 ? '' : child.log]).toEqual([0, '']);
      const seen: unknown = JSON.parse(child.log.trim().split('\n').at(-1) ?? '');
      const denied = 'AccessDenied';
      const nobody = 'InvalidAccessKeyId';
      expect(seen).toEqual({
        new: denied,
        policies: ['consoleAdmin', 'diagnostics', 'media-list', 'readonly', 'readwrite', 'writeonly'],
        policy: ['s3:ListBucket', 's3:GetBucketLocation'],
        allowed: ['a.txt'],
        user: { policyName: 'media-list', status: 'enabled' },
        users: { ann: { policyName: 'media-list', status: 'enabled' } },
        disabled: nobody,
        unset: denied,
        attached: ['media-list'],
        'by group': ['a.txt'],
        group: { name: 'team', status: 'enabled', members: ['ann'], policy: 'media-list' },
        groups: ['team'],
        entities: [{ policy: 'media-list', users: [], groups: ['team'] }],
        'group disabled': denied,
        account: 'ann-backup',
        'by account': ['a.txt'],
        'account info': ['ann', 'on', true, 'backup'],
        accounts: ['ann-backup'],
        'account off': nobody,
        'account again': ['a.txt'],
        'not an administrator': [403, denied],
        'account of another': [403, denied],
        'own info': 'ann',
        'parent disabled': nobody,
        'account gone': nobody,
        detached: ['media-list'],
        gone: [{}, [], nobody],
        refusals: {
          'short access key': [400, 'XMinioAdminInvalidAccessKey'],
          'short secret': [400, 'XMinioAdminInvalidSecretKey'],
          'long secret': [400, 'XMinioAdminInvalidSecretKey'],
          'no such user': [404, 'XMinioAdminNoSuchUser'],
          'no such group': [404, 'XMinioAdminNoSuchGroup'],
          'no such policy': [404, 'XMinioAdminNoSuchPolicy'],
          'not a policy': [400, 'XMinioMalformedIAMPolicy'],
          'wrong secret': [403, 'SignatureDoesNotMatch'],
        },
        server: 'online',
      });
    },
    SLOW_MS,
  );
});
