// Bucket policies by other clients: s3cmd as RGW's documentation shows it, and the AWS CLI with the status and the public access block.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../admin/admin-client.ts';
import { cleanEnvironment, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasAwsCli, hasS3cmd } from './client-tools.ts';

const SLOW_MS = 180_000;
const fred: Keys = { accessKey: 'fred', secretKey: 'fred-secret-12' };
const folder = makeTempFolder();
let gateway: Gateway;
logsOnFailure(() => gateway);

/** RGW: "Bucket policies". */
const EXAMPLE = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"AWS": ["arn:aws:iam::usfolks:user/fred:subuser"]},
    "Action": "s3:PutObjectAcl",
    "Resource": [
      "arn:aws:s3:::happybucket/*"
    ]
  }]
}
`;

beforeAll(async () => {
  const volume = await formatTestVolume(folder);
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
  await new AdminClient(gateway.client, gateway.root).addUser(fred.accessKey, fred.secretKey);
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

async function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = new TestProcess(command, args, { ...cleanEnvironment(), LC_ALL: 'C.UTF-8', ...env });
  const { code } = await child.exited;
  child.killGroup();
  return { code, output: child.log };
}

const reads = async (bucket: string, keys: Keys | undefined): Promise<number> =>
  (await gateway.client.send({ bucket, key: 'hello', keys })).status;

describe.skipIf(!hasS3cmd)('s3cmd', () => {
  const s3cmd = async (...args: string[]): Promise<string> => {
    const host = `127.0.0.1:${gateway.port}`;
    const config = join(folder, 's3cfg');
    writeFileSync(
      config,
      `[default]\naccess_key = ${gateway.root.accessKey}\nsecret_key = ${gateway.root.secretKey}\nhost_base = ${host}\nhost_bucket = ${host}\nuse_https = False\n`,
    );
    const { code, output } = await run('s3cmd', ['--config', config, '--no-progress', ...args]);
    if (code !== 0) throw new Error(`s3cmd ${args.join(' ')} ended with ${code}\n${output}`);
    return output;
  };

  it('sets and deletes policies', { timeout: SLOW_MS }, async () => {
    await s3cmd('mb', 's3://happybucket');
    writeFileSync(join(folder, 'hello'), 'hello');
    await s3cmd('put', join(folder, 'hello'), 's3://happybucket/hello');
    const examplepol = join(folder, 'examplepol');
    writeFileSync(examplepol, EXAMPLE);
    expect(await s3cmd('setpolicy', examplepol, 's3://happybucket')).toContain('s3://happybucket/: Policy updated');
    expect(await s3cmd('info', 's3://happybucket')).toContain('arn:aws:iam::usfolks:user/fred:subuser');
    expect(await s3cmd('delpolicy', 's3://happybucket')).toContain('s3://happybucket/: Policy deleted');
    expect(await s3cmd('info', 's3://happybucket')).toMatch(/policy: *none/i);
  });

  it('lets a user in who is named, at once, and out again', { timeout: SLOW_MS }, async () => {
    await s3cmd('mb', 's3://fredbucket');
    await s3cmd('put', join(folder, 'hello'), 's3://fredbucket/hello');
    const named = join(folder, 'named');
    writeFileSync(
      named,
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: ['arn:aws:iam:::user/fred'] },
            Action: 's3:GetObject',
            Resource: ['arn:aws:s3:::fredbucket/*'],
          },
        ],
      }),
    );
    expect(await reads('fredbucket', fred)).toBe(403);
    await s3cmd('setpolicy', named, 's3://fredbucket');
    expect([await reads('fredbucket', fred), await reads('fredbucket', undefined)]).toEqual([200, 403]);
    await s3cmd('delpolicy', 's3://fredbucket');
    expect(await reads('fredbucket', fred)).toBe(403);
  });
});

describe.skipIf(!hasAwsCli)('the AWS CLI', () => {
  const aws = async (...args: string[]): Promise<{ code: number | null; output: string }> =>
    run('aws', ['--endpoint-url', gateway.url, 's3api', ...args], {
      AWS_ACCESS_KEY_ID: gateway.root.accessKey,
      AWS_SECRET_ACCESS_KEY: gateway.root.secretKey,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
    });

  it('reads the status of a policy, and blocks public ones', { timeout: SLOW_MS }, async () => {
    await aws('create-bucket', '--bucket', 'blocked');
    const open = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::blocked/*'] }],
    });
    expect(await aws('put-bucket-policy', '--bucket', 'blocked', '--policy', open)).toMatchObject({ code: 0 });
    const status = await aws('get-bucket-policy-status', '--bucket', 'blocked');
    expect(JSON.parse(status.output)).toEqual({ PolicyStatus: { IsPublic: true } });
    await aws('delete-bucket-policy', '--bucket', 'blocked');
    const block = 'BlockPublicAcls=false,IgnorePublicAcls=false,BlockPublicPolicy=true,RestrictPublicBuckets=true';
    await aws('put-public-access-block', '--bucket', 'blocked', '--public-access-block-configuration', block);
    const shown = await aws('get-public-access-block', '--bucket', 'blocked');
    expect(JSON.parse(shown.output)).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true, BlockPublicAcls: false },
    });
    const refused = await aws('put-bucket-policy', '--bucket', 'blocked', '--policy', open);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain('AccessDenied');
    await aws('delete-public-access-block', '--bucket', 'blocked');
    expect(await aws('put-bucket-policy', '--bucket', 'blocked', '--policy', open)).toMatchObject({ code: 0 });
  });
});
