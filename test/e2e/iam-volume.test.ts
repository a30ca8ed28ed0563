// A volume with users, groups, policies and service accounts that a MinIO client made through the Go gateway: who may do what there is
// what the recorded access matrix says, but for the differences that are listed here with their reasons.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { type S3Call, xmlElements, xmlValue } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { unpackGoldenVolume } from '../harness/volume.ts';

const manifestSchema = z.object({
  gateway_flags: z.array(z.string()),
  iam: z.object({
    users: z.array(z.object({ name: z.string(), secret: z.string() })),
    service_accounts: z.array(z.object({ access_key: z.string(), secret_key: z.string() })),
    access_matrix: z.array(
      z.object({
        identity: z.string(),
        access_key: z.string().optional(),
        results: z.record(z.string(), z.union([z.number(), z.string()])),
      }),
    ),
  }),
});

const GOLDEN_ROOT: Keys = { accessKey: 'goldenadmin', secretKey: 'golden-secret-key-1' };

/** `GetObject bucket/key`, `ListObjects bucket prefix=p`, `ListBuckets` as a request. */
function probe(text: string): S3Call {
  const [operation = '', resource = '', option] = text.split(' ');
  const [bucket = '', ...rest] = resource.split('/');
  const target = rest.length > 0 ? { bucket, key: rest.join('/') } : { bucket };
  switch (operation) {
    case 'ListBuckets':
      return {};
    case 'ListObjects':
      return { ...target, query: { 'list-type': '2', ...(option === undefined ? {} : { prefix: option.slice(7) }) } };
    case 'GetObject':
      return target;
    case 'PutObject':
      return { method: 'PUT', ...target, body: 'm' };
    case 'DeleteObject':
      return { method: 'DELETE', ...target };
    default:
      throw new Error(`unknown probe ${text}`);
  }
}

describe('the golden volume iam-volume', () => {
  const folder = makeTempFolder();
  const volume = unpackGoldenVolume('iam-volume', folder);
  const { gateway_flags, iam } = manifestSchema.parse(volume.manifest);
  let gateway: Gateway;
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: [...gateway_flags, ...volume.flags, '--workers', '1', '--metrics', '127.0.0.1:0'],
      root: GOLDEN_ROOT,
    });
  });
  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  const keysOf = (accessKey: string, identity: string): Keys | undefined => {
    if (accessKey === GOLDEN_ROOT.accessKey) return GOLDEN_ROOT;
    const user = iam.users.find(({ name }) => name === accessKey);
    const account = iam.service_accounts.find(({ access_key }) => access_key === accessKey);
    const secretKey = user?.secret ?? account?.secret_key;
    if (identity === 'wrong-secret') return { accessKey, secretKey: `${secretKey}-not` };
    if (identity === 'unknown') return { accessKey, secretKey: 'no-such-secret' };
    return secretKey === undefined ? undefined : { accessKey, secretKey };
  };
  // Anonymous requests stand below; temporary credentials have tests of their own beside the sidecar.
  const covered = iam.access_matrix.filter(({ identity }) => identity !== 'anonymous' && !identity.startsWith('sts:'));

  it('covers root, users, service accounts and impostors', () => {
    expect(covered.map(({ identity }) => identity)).toEqual([
      'root',
      'alice',
      'bob',
      'carol',
      'dave',
      'erin',
      'nopolicy',
      'svc:svcbob00001',
      'svc:svcbob00002',
      'svc:svcalice001',
      'wrong-secret',
      'unknown',
    ]);
  });

  it.each(covered)('$identity gets what the access matrix says', async ({ identity, access_key = '', results }) => {
    const keys = keysOf(access_key, identity);
    if (keys === undefined) throw new Error(`no credentials for ${identity}`);
    const found: Record<string, number | string> = {};
    for (const text of Object.keys(results)) {
      const { status, code } = await gateway.client.send({ ...probe(text), keys });
      found[text] = status < 300 ? 200 : `${status} ${code}`;
    }
    const expected = Object.fromEntries(
      Object.entries(results).map(([text, result]) => [text, DIFFERENCES[identity]?.[text] ?? result]),
    );
    expect(found).toEqual(expected);
  });

  it.each([
    ['bob', ['iam-events', 'iam-private', 'iam-public']],
    ['alice', ['iam-private', 'iam-public']],
    ['dave', ['iam-public']],
    ['nopolicy', ['iam-public']],
  ])('%s sees the buckets that may be listed or located', async (name, buckets) => {
    const keys = keysOf(name, name);
    const { body } = await gateway.client.send({ keys });
    expect(xmlElements(body, 'Bucket').map((bucket) => xmlValue(bucket, 'Name'))).toEqual(buckets);
  });

  it('anonymous gets what the bucket policy gives', async () => {
    const results = iam.access_matrix.find(({ identity }) => identity === 'anonymous')?.results ?? {};
    const found: Record<string, number> = {};
    for (const text of Object.keys(results)) {
      const target = text.slice('GET '.length);
      found[text] = (await gateway.client.raw('GET', target, { host: gateway.client.host })).status;
    }
    expect(found).toEqual(results);
  });
});

/**
 * Where Portcullis answers otherwise, by default, on purpose:
 * - iam-public has a bucket policy for everyone. By default it binds known users too, not the anonymous alone, as AWS has it; so they
 *   may read there, and ListBuckets has a bucket to show.
 * - What a service account inherits is all that its parent has, groups included, and \${aws:username} is the parent's name.
 * - A signature is verified before anything else is said about a request.
 */
const PUBLIC_READ = { 'GetObject iam-public/index.html': 200 };
const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  alice: PUBLIC_READ,
  dave: { ...PUBLIC_READ, ListBuckets: 200 },
  erin: PUBLIC_READ,
  nopolicy: { ...PUBLIC_READ, ListBuckets: 200 },
  'svc:svcalice001': { ...PUBLIC_READ, ListBuckets: 200, 'PutObject iam-private/home/alice/m': 200 },
  'wrong-secret': {
    'PutObject iam-public/m/wrong-secret': '403 SignatureDoesNotMatch',
    'PutObject iam-private/closed/m': '403 SignatureDoesNotMatch',
    'PutObject iam-private/m': '403 SignatureDoesNotMatch',
  },
};
