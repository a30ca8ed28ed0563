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

const ROOT = { accessKey: 'goldenadmin', secretKey: 'golden-secret-key-1' };
const BUCKETS = ['iam-events', 'iam-private', 'iam-public'];
/** The recorded sessions live until 2026-11-29T03:26:45Z. */
const NOW = Date.UTC(2026, 10, 25);
const EXPIRED = Date.UTC(2026, 10, 29, 3, 26, 45);

const { directory, metaUrl, bucket, manifest } = unpackGolden('iam-volume');
const { iam } = Manifest.parse(manifest);
const store = { store: metaUrl, storage: 'file', bucket, root: ROOT };
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function keysOf(identity: string, accessKey: string): TestKeys {
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
async function resultOf(sidecar: TestSidecar, keys: TestKeys, operation: string): Promise<number | string> {
  const credentials = headerCredentials(keys, { time: timeText(NOW) });
  const first = answerOf(await sidecar.authorize({ credentials, accesses: [accessOf(operation)] }));
  if (operation !== 'ListBuckets' || first !== '403 AccessDenied') return first;
  const accesses = BUCKETS.map((bucket) => accessOf(`ListObjects ${bucket}`));
  const { decisions } = await sidecar.batch({ credentials, accesses });
  return decisions.some(({ outcome }) => outcome === Outcome.OUTCOME_ALLOW) ? 200 : first;
}

/** Signatures are verified before anything else here, so a wrong one is what is said. */
const WRONG_SECRET = Object.fromEntries(
  ['PutObject iam-public/m/wrong-secret', 'PutObject iam-private/closed/m', 'PutObject iam-private/m'].map(
    (operation) => [operation, '403 SignatureDoesNotMatch'],
  ),
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
/** In the default dialect the public bucket's policy speaks to everyone, those with credentials as well. */
const PUBLIC_READERS: Readonly<Record<string, number | string>> = { 'GetObject iam-public/index.html': 200 };

describe.each([
  ['juicefs', 'anonymous'],
  ['portcullis', 'everyone'],
] as const)('dialect %s, bucket policies for %s', (dialect, bucketPolicies) => {
  let sidecar: TestSidecar;
  beforeAll(async () => {
    sidecar = await TestSidecar.start(directory, { ...store, dialect, bucketPolicies, nowMs: () => NOW });
  });
  afterAll(async () => await sidecar.stop());

  const signed = iam.access_matrix.filter(({ access_key }) => access_key !== undefined);
  it.each(signed)('$identity', async ({ identity, access_key = '', results }) => {
    const keys = keysOf(identity, access_key);
    const found: Record<string, number | string> = {};
    for (const operation of Object.keys(results)) found[operation] = await resultOf(sidecar, keys, operation);
    const expected: Record<string, number | string> = { ...results, ...DIFFERENCES[dialect]?.[identity] };
    for (const [operation, result] of Object.entries(PUBLIC_READERS)) {
      const isReader = dialect === 'portcullis' && expected[operation] === '403 AccessDenied';
      // A session is bound by its inline policy whatever the bucket's says.
      if (isReader && identity !== 'sts:1:bob') expected[operation] = result;
    }
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
    expect(await ask('s3:GetObject', 'iam-public/index.html')).toBe(200);
    expect(await ask('s3:ListBucket', 'iam-public')).toBe(200);
    expect(await ask('s3:PutObject', 'iam-public/index.html')).toBe('403 AccessDenied');
    expect(await ask('s3:GetObject', 'iam-private/doc.txt')).toBe('403 AccessDenied');
    expect(await ask('s3:ListAllMyBuckets', '')).toBe('403 AccessDenied');
  });
});

describe('temporary credentials', () => {
  const session = keysOf('', iam.sts[0]?.access_key ?? '');
  const access = { action: 's3:GetObject', resource: 'arn:aws:s3:::iam-private/doc.txt' };
  const reasonAt = async (nowMs: number, keys: TestKeys, root = ROOT): Promise<string | undefined> => {
    const sidecar = await TestSidecar.start(directory, { ...store, root, nowMs: () => nowMs });
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
    const other = iam.sts[1]?.session_token ?? '';
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
