// What MinIO's pages on policies say, by real requests: an action rules the very operation that the page names for it, alone and denied,
// and condition keys and variables go by the names that the pages give them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import type { S3Call, S3Client } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

const TAGS = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
const object: S3Call = { bucket: 'docs', key: 'o' };
const version = { versionId: 'null' };

/** An action and the operation that it rules. */
const ACTIONS: readonly (readonly [action: string, call: S3Call])[] = [
  ['s3:GetObjectVersion', { ...object, query: version }],
  ['s3:GetObjectVersionTagging', { ...object, query: { tagging: '', ...version } }],
  ['s3:PutObjectVersionTagging', { ...object, method: 'PUT', query: { tagging: '', ...version }, body: TAGS }],
  ['s3:DeleteObjectVersionTagging', { ...object, method: 'DELETE', query: { tagging: '', ...version } }],
  ['s3:GetObjectVersionAcl', { ...object, query: { acl: '', ...version } }],
  ['s3:GetObjectTorrent', { ...object, query: { torrent: '' } }],
  ['s3:DeleteObjectVersion', { ...object, method: 'DELETE', key: 'none', query: version }],
  ['s3:ListAllMyBuckets', {}],
];

/** A condition by the name of the page, a request for which it holds, and one for which it does not. */
const CONDITIONS: readonly (readonly [condition: object, holds: S3Call, not: S3Call | undefined])[] = [
  [{ StringEquals: { 'aws:PrincipalType': 'User' } }, object, undefined],
  [{ StringEquals: { 'aws:PrincipalType': 'Anonymous' } }, { ...object, key: 'never' }, object],
  [{ DateGreaterThan: { 'aws:EpochTime': '2020-01-01T00:00:00Z' } }, object, undefined],
  [{ DateLessThan: { 'aws:EpochTime': '1577836800' } }, { ...object, key: 'never' }, object],
  [{ DateGreaterThan: { 'aws:CurrentTime': '2020-01-01' } }, object, undefined],
  [{ StringLike: { 'aws:referrer': 'https://app/*' } }, { ...object, headers: { referer: 'https://app/x' } }, object],
  [
    { StringEquals: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
    { ...object, payloadHash: 'UNSIGNED-PAYLOAD' },
    object,
  ],
];

const keysOf = (name: string): Keys => ({ accessKey: name, secretKey: `${name}-secret-key` });
const statement = (Effect: string, actions: readonly string[], Condition?: object) => ({
  Effect,
  Action: actions,
  Resource: ['arn:aws:s3:::*'],
  ...(Condition === undefined ? {} : { Condition }),
});

let folder: string;
let gateway: Gateway;
let client: S3Client;
logsOnFailure(() => gateway);

const status = async (call: S3Call, who: string): Promise<number> =>
  (await client.send({ ...call, keys: keysOf(who) })).status;

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  const policies: Record<string, unknown> = {};
  const grant = (name: string, ...Statement: object[]): void => {
    policies[name] = { Version: '2012-10-17', Statement };
  };
  ACTIONS.forEach(([action], i) => {
    grant(`only-${i}`, statement('Allow', [action]));
    grant(`but-${i}`, statement('Allow', ['s3:*']), statement('Deny', [action]));
  });
  CONDITIONS.forEach(([condition], i) => {
    grant(`if-${i}`, statement('Allow', ['s3:GetObject', 's3:ListBucket'], condition));
  });
  grant('nothing', statement('Allow', ['s3:GetBucketLocation']));
  grant('path', {
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:PutObject'],
    Resource: ['arn:aws:s3:::docs/from/${aws:referrer}/*'],
  });
  const users = Object.keys(policies).map((name) => ({ ...keysOf(name), policies: [name] }));
  await writeIdentities(volume, { users, policies });
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--object-tag', '--workers', '1'],
  });
  client = gateway.client;
  await client.send({ method: 'PUT', bucket: 'docs', keys: gateway.root });
  await client.send({ ...object, method: 'PUT', body: 'x', keys: gateway.root });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

describe('an action', () => {
  it.each(ACTIONS.map(([action, call], i) => [action, call, i] as const))(
    '%s rules its operation',
    async (_, call, i) => {
      const asRoot = (await client.send({ ...call, keys: gateway.root })).status;
      expect(await status(call, 'nothing')).toBe(403);
      expect(await status(call, `only-${i}`)).toBe(asRoot);
      expect(await status(call, `but-${i}`)).toBe(403);
    },
  );

  it('on versions is none on objects', async () => {
    expect(await status({ ...object, query: { tagging: '' } }, 'only-1')).toBe(403);
    expect(await status({ ...object, method: 'DELETE', key: 'none' }, 'only-5')).toBe(403);
    expect(await status({ ...object, query: { tagging: '' } }, 'but-1')).toBe(200);
  });
});

describe('the names of the pages', () => {
  it.each(CONDITIONS.map(([condition, holds, not], i) => [JSON.stringify(condition), holds, not, i] as const))(
    'are condition keys: %s',
    async (_, holds, not, i) => {
      if (holds.key === 'o') expect(await status(holds, `if-${i}`)).toBe(200);
      if (not !== undefined) expect(await status(not, `if-${i}`)).toBe(403);
    },
  );

  it('are variables', async () => {
    const put = (key: string, referer: string): S3Call => ({
      method: 'PUT',
      bucket: 'docs',
      key,
      headers: { referer },
    });
    expect(await status(put('from/here/x', 'here'), 'path')).toBe(200);
    expect(await status(put('from/here/x', 'there'), 'path')).toBe(403);
  });
});
