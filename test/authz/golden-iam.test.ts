// The identities of a volume that the real gateway wrote, asked what its recorded access matrix says.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AuthorizeResponse, Outcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';
import { TestSidecar } from './sidecar-client.ts';
import { anonymousCredentials, headerCredentials, type TestKeys, timeText } from './signing-client.ts';

const Manifest = z.object({
  iam: z.object({
    users: z.array(z.object({ name: z.string(), secret: z.string() })),
    service_accounts: z.array(z.object({ access_key: z.string(), secret_key: z.string() })),
    sts: z.array(z.object({ access_key: z.string(), secret_key: z.string(), session_token: z.string() })),
    access_matrix: z.array(
      z.object({
        identity: z.string(),
        access_key: z.string().optional(),
        results: z.record(z.string(), z.union([z.number(), z.string()])),
      }),
    ),
  }),
});

const KMS_KEY = 'golden-kms-key:5lhkTdRGt6C96tANI/PpW4Pqb85iLdKCYDgDSdjR17k=';
const ROOT = { accessKey: 'goldenadmin', secretKey: 'golden-secret-key-1' };
/** The recorded sessions live until 2026-11-29T03:26:45Z. */
const NOW = Date.UTC(2026, 10, 25);
const EXPIRED = Date.UTC(2026, 10, 29, 3, 26, 45);

/** A volume of the real gateway with its identities; `short` begins the names of its buckets. */
function golden(name: 'iam-volume' | 'iam-kms', short: string, kmsSecretKey?: string) {
  const { directory, metaUrl, bucket, manifest } = unpackGolden(name);
  const { iam } = Manifest.parse(manifest);
  return { name, short, directory, iam, store: { store: metaUrl, storage: 'file', bucket, root: ROOT, kmsSecretKey } };
}
const plain = golden('iam-volume', 'iam');
const sealed = golden('iam-kms', 'kms', KMS_KEY);
afterAll(() => {
  for (const { directory } of [plain, sealed]) rmSync(directory, { recursive: true, force: true });
});

function keysOf(identity: string, accessKey: string, { iam } = plain): TestKeys {
  if (accessKey === ROOT.accessKey) return ROOT;
  const user = iam.users.find(({ name }) => name === accessKey);
  const account = iam.service_accounts.find(({ access_key }) => access_key === accessKey);
  const session = iam.sts.find(({ access_key }) => access_key === accessKey);
  const secretKey = user?.secret ?? account?.secret_key ?? session?.secret_key ?? 'no-such-secret';
  return {
    accessKey,
    secretKey: identity === 'wrong-secret' ? `${secretKey}-not` : secretKey,
    ...(session === undefined ? {} : { sessionToken: session.session_token }),
  };
}

interface Asked {
  readonly action: string;
  readonly resource: string;
  readonly context: Record<string, { values: string[] }>;
}

/** What a gateway asks for an operation as the matrix names it. */
function accessOf(operation: string): Asked {
  const [name = '', path = '', option = ''] = operation.split(' ');
  const context = name === 'ListObjects' ? { 's3:prefix': { values: [option.replace('prefix=', '')] } } : {};
  const action =
    name === 'ListObjects' ? 's3:ListBucket' : name === 'ListBuckets' ? 's3:ListAllMyBuckets' : `s3:${name}`;
  return { action, resource: `arn:aws:s3:::${path}`, context };
}

const CODES: Readonly<Partial<Record<Outcome, number | string>>> = {
  [Outcome.OUTCOME_ALLOW]: 200,
  [Outcome.OUTCOME_EXPLICIT_DENY]: '403 AccessDenied',
  [Outcome.OUTCOME_IMPLICIT_DENY]: '403 AccessDenied',
};

function answerOf({ decision }: Pick<AuthorizeResponse, 'decision'>): number | string {
  if (decision?.outcome === Outcome.OUTCOME_UNAUTHENTICATED) return `403 ${decision.reason}`;
  return CODES[decision?.outcome ?? Outcome.UNRECOGNIZED] ?? `outcome ${decision?.outcome}`;
}

/** As a gateway does it: whoever may list some bucket may list the buckets. */
async function resultOf(
  sidecar: TestSidecar,
  keys: TestKeys,
  operation: string,
  short: string,
): Promise<number | string> {
  const credentials = headerCredentials(keys, { time: timeText(NOW) });
  const first = answerOf(await sidecar.authorize({ credentials, accesses: [accessOf(operation)] }));
  if (operation !== 'ListBuckets' || first !== '403 AccessDenied') return first;
  const accesses = ['events', 'private', 'public'].map((bucket) => accessOf(`ListObjects ${short}-${bucket}`));
  const { decisions } = await sidecar.batch({ credentials, accesses });
  return decisions.some(({ outcome }) => outcome === Outcome.OUTCOME_ALLOW) ? 200 : first;
}

/** Signatures are verified before anything else here, so a wrong one is what is said. */
const WRONG_SECRET = Object.fromEntries(
  [
    'iam-public/m/wrong-secret',
    'iam-private/closed/m',
    'iam-private/m',
    'kms-public/m/wrong-secret',
    'kms-private/closed/m',
  ]
    .concat('kms-private/m', 'kms-private/home/alice/m')
    .map((resource) => [`PutObject ${resource}`, '403 SignatureDoesNotMatch']),
);

const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number | string>>>>>> = {
  juicefs: {
    'wrong-secret': WRONG_SECRET,
    // There the claims of a service account are not looked at when buckets are filtered.
    'svc:svcalice001': { ListBuckets: 200 },
  },
  portcullis: {
    'wrong-secret': WRONG_SECRET,
    // aws:username is the parent's: her home is theirs, too.
    'svc:svcalice001': { ListBuckets: 200, 'PutObject iam-private/home/alice/m': 200 },
    'sts:0:alice': { 'PutObject iam-private/home/alice/m': 200 },
  },
};
describe.each([
  ['juicefs', 'anonymous', plain],
  ['portcullis', 'everyone', plain],
  ['juicefs', 'anonymous', sealed],
  ['portcullis', 'everyone', sealed],
] as const)('dialect %s, bucket policies for %s, on $name', (dialect, bucketPolicies, volume) => {
  const { directory, iam, store, short } = volume;
  let sidecar: TestSidecar;
  beforeAll(async () => {
    sidecar = await TestSidecar.start(directory, { ...store, dialect, bucketPolicies, nowMs: () => NOW });
  });
  afterAll(async () => await sidecar.stop());

  const signed = iam.access_matrix.filter(({ access_key }) => access_key !== undefined);
  it.each(signed)('$identity', async ({ identity, access_key = '', results }) => {
    const keys = keysOf(identity, access_key, volume);
    const found: Record<string, number | string> = {};
    for (const operation of Object.keys(results)) found[operation] = await resultOf(sidecar, keys, operation, short);
    const differences = Object.entries(DIFFERENCES[dialect]?.[identity] ?? {}).filter(
      ([operation]) => operation in results,
    );
    const expected: Record<string, number | string> = { ...results, ...Object.fromEntries(differences) };
    // In the default dialect the public bucket's policy speaks to everyone, those with credentials as well.
    const publicRead = `GetObject ${short}-public/index.html`;
    const isReader = dialect === 'portcullis' && expected[publicRead] === '403 AccessDenied';
    // A session is bound by its inline policy whatever the bucket's says.
    if (isReader && identity !== 'sts:1:bob') expected[publicRead] = 200;
    // The public bucket's policy also lets everyone list that bucket, so everyone sees a bucket.
    if (
      dialect === 'portcullis' &&
      expected.ListBuckets === '403 AccessDenied' &&
      !/^s(vc:svcbob00002|ts:1)/.test(identity)
    ) {
      expected.ListBuckets = 200;
    }
    expect(found).toEqual(expected);
  });

  it('lets the anonymous do what the public bucket says', async () => {
    const ask = async (action: string, resource: string): Promise<number | string> =>
      answerOf(
        await sidecar.authorize({
          credentials: anonymousCredentials,
          accesses: [{ action, resource: `arn:aws:s3:::${resource}` }],
        }),
      );
    expect(await ask('s3:GetObject', `${short}-public/index.html`)).toBe(200);
    expect(await ask('s3:ListBucket', `${short}-public`)).toBe(200);
    expect(await ask('s3:PutObject', `${short}-public/index.html`)).toBe('403 AccessDenied');
    expect(await ask('s3:GetObject', `${short}-private/doc.txt`)).toBe('403 AccessDenied');
    expect(await ask('s3:ListAllMyBuckets', '')).toBe('403 AccessDenied');
  });
});

describe('temporary credentials', () => {
  const session = keysOf('', plain.iam.sts[0]?.access_key ?? '');
  const access = { action: 's3:GetObject', resource: 'arn:aws:s3:::iam-private/doc.txt' };
  const reasonAt = async (nowMs: number, keys: TestKeys, root = ROOT): Promise<string | undefined> => {
    const sidecar = await TestSidecar.start(plain.directory, { ...plain.store, root, nowMs: () => nowMs });
    try {
      const credentials = headerCredentials(keys, { time: timeText(nowMs) });
      return (await sidecar.authorize({ credentials, accesses: [access] })).decision?.reason;
    } finally {
      await sidecar.stop();
    }
  };

  it('end when they expire', async () => {
    expect(await reasonAt(EXPIRED - 1000, session)).toBe('Allow');
    expect(await reasonAt(EXPIRED, session)).toBe('ExpiredToken');
  });

  it('stand with their own token only', async () => {
    const { accessKey, secretKey } = session;
    expect(await reasonAt(NOW, { accessKey, secretKey })).toBe('InvalidTokenId');
    const other = plain.iam.sts[1]?.session_token ?? '';
    expect(await reasonAt(NOW, { accessKey, secretKey, sessionToken: other })).toBe('InvalidTokenId');
    expect(await reasonAt(NOW, { ...keysOf('', 'alice'), sessionToken: other })).toBe('InvalidTokenId');
  });

  it('and service accounts end with the root secret that signed them', async () => {
    const root = { ...ROOT, secretKey: 'another-root-secret' };
    expect(await reasonAt(NOW, session, root)).toBe('InvalidTokenId');
    expect(await reasonAt(NOW, keysOf('', 'svcbob00001'), root)).toBe('InvalidTokenId');
    expect(await reasonAt(NOW, keysOf('', 'alice'), root)).toBe('Allow');
  });
});
