// Changes of policies with a known effect: seeded documents, each changed in one of the ways that people change them, and a request out of
// a small world that shows the difference, found by trying them all.
import {
  authorize,
  compilePolicySet,
  type PolicyProgram,
  type PolicyRequest,
  parsePolicy,
} from '../../src/authz/policy/index.ts';

/** Mulberry32: the same numbers for the same seed, everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
type Statement = Record<string, unknown> & { Effect: string; Resource: string[] };

export interface Mutation {
  readonly kind: 'identity' | 'bucket';
  readonly change: 'deny dropped' | 'resource widened' | 'condition added' | 'principal changed';
  readonly before: string;
  readonly after: string;
}

const BUCKET = 'photos';
const ACTIONS = [
  ['s3:GetObject'],
  ['s3:PutObject'],
  ['s3:GetObject', 's3:PutObject'],
  ['s3:*'],
  ['s3:Get*'],
  ['s3:DeleteObject'],
  ['s3:ListBucket'],
  ['s3:*Object'],
];
const PATHS = ['', '/*', '/public/*', '/a?c/*', '/*.jpg', '/team/*/report', '/home/${aws:username}/*', '/x/y'];
const CONDITIONS: readonly Record<string, Record<string, unknown>>[] = [
  { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  { IpAddress: { 'aws:SourceIp': ['192.168.7.0/24', '10.1.0.0/16'] } },
  { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  { Bool: { 'aws:SecureTransport': 'true' } },
  { Bool: { 'aws:SecureTransport': 'false' } },
  { StringEquals: { 'aws:username': 'alice' } },
  { StringNotEquals: { 'aws:username': ['alice', 'bob'] } },
  { StringLike: { 'aws:UserAgent': 'aws-cli/*' } },
  { DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' } },
  { NumericLessThan: { 'aws:EpochTime': '1900000000' } },
  { StringEquals: { 'aws:Referer': 'https://example.com/' }, Bool: { 'aws:SecureTransport': 'true' } },
  { Null: { 'aws:Referer': 'true' } },
];
const PRINCIPALS = ['*', 'alice', 'bob', 'a*', 'arn:aws:iam::000000000000:user/carol'];

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

function statement(random: Random, kind: Mutation['kind']): Statement {
  const action = pick(random, ACTIONS);
  const paths = kind === 'bucket' ? PATHS.filter((path) => !path.includes('$')) : PATHS;
  const bucket = kind === 'bucket' ? BUCKET : pick(random, [BUCKET, BUCKET, 'p*', 'logs']);
  const resources = Array.from(
    { length: 1 + Math.floor(random() * 2) },
    () => `arn:aws:s3:::${bucket}${pick(random, paths)}`,
  );
  // Both kinds of resources, so that each action has one that it fits.
  if (kind === 'bucket') resources.push(`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/docs/*`);
  return {
    Effect: random() < 0.65 ? 'Allow' : 'Deny',
    Action: action,
    Resource: [...new Set(resources)],
    ...(kind === 'bucket' ? { Principal: { AWS: [pick(random, PRINCIPALS)] } } : {}),
    ...(random() < 0.35 ? { Condition: pick(random, CONDITIONS) } : {}),
  };
}

const document = (statements: readonly Statement[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

/** A document and its change; undefined when these numbers make none. */
function propose(random: Random): Mutation | undefined {
  const kind = random() < 0.6 ? 'identity' : 'bucket';
  const statements = Array.from({ length: 1 + Math.floor(random() * 7) }, () => statement(random, kind));
  const before = document(statements);
  const index = Math.floor(random() * statements.length);
  const chosen = statements[index] as Statement;
  const replaced = (by: Statement): string => document(statements.map((one, i) => (i === index ? by : one)));
  switch (pick(random, ['deny', 'resource', 'condition', 'principal'])) {
    case 'deny': {
      if (chosen.Effect !== 'Deny' || statements.length === 1) return undefined;
      return { kind, change: 'deny dropped', before, after: document(statements.filter((_, i) => i !== index)) };
    }
    case 'resource': {
      const resource = pick(random, chosen.Resource);
      const wider = resource.replace(/[^/]*$/, '*');
      if (wider === resource || (kind === 'bucket' && !wider.includes('/'))) return undefined;
      const after = replaced({ ...chosen, Resource: chosen.Resource.map((one) => (one === resource ? wider : one)) });
      return { kind, change: 'resource widened', before, after };
    }
    case 'condition': {
      const added = { ...(chosen.Condition as object | undefined), ...pick(random, CONDITIONS) };
      return { kind, change: 'condition added', before, after: replaced({ ...chosen, Condition: added }) };
    }
    default: {
      if (kind !== 'bucket') return undefined;
      const after = replaced({ ...chosen, Principal: { AWS: [pick(random, PRINCIPALS)] } });
      return { kind, change: 'principal changed', before, after };
    }
  }
}

const WORLD_ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', 's3:GetObjectTagging'];
const WORLD_RESOURCES = [
  ['photos', ''],
  ['photos', 'k'],
  ['photos', 'public/k'],
  ['photos', 'abc/k'],
  ['photos', 'k.jpg'],
  ['photos', 'public/k.jpg'],
  ['photos', 'team/red/report'],
  ['photos', 'team/x'],
  ['photos', 'home/alice/k'],
  ['photos', 'home/zoe/k'],
  ['photos', 'x/y'],
  ['photos', 'x/z'],
  ['photos', 'docs/k'],
  ['pz', 'k'],
  ['pz', 'public/k'],
  ['logs', 'k'],
  ['logs', ''],
] as const;
const WORLD_USERS = ['alice', 'bob', 'zoe', 'carol', 'al'];

function* world(random: Random, kind: Mutation['kind']): Generator<PolicyRequest> {
  for (let i = 0; i < WORLD_REQUESTS; i++) {
    const [bucket, object] = pick(random, WORLD_RESOURCES);
    const user = pick(random, WORLD_USERS);
    const keys = new Map<string, readonly string[]>([['aws:username', [user]]]);
    const maybe = (key: string, values: readonly string[]): void => {
      if (random() < 0.75) keys.set(key, [pick(random, values)]);
    };
    maybe('aws:SourceIp', ['10.1.2.3', '10.200.0.1', '192.168.7.9', '8.8.8.8']);
    maybe('aws:SecureTransport', ['true', 'false']);
    maybe('aws:UserAgent', ['aws-cli/2', 'curl/8']);
    maybe('aws:Referer', ['https://example.com/', 'https://other.example/']);
    maybe('aws:CurrentTime', ['2026-01-01T00:00:00Z', '2031-01-01T00:00:00Z']);
    maybe('aws:EpochTime', ['1700000000', '1900000001']);
    const principal =
      kind === 'bucket' && random() < 0.1
        ? ({ type: 'Anonymous', user: '', account: '' } as const)
        : ({ type: 'User', user, account: '000000000000', arn: `arn:aws:iam::000000000000:user/${user}` } as const);
    yield { principal, action: pick(random, WORLD_ACTIONS), bucket, object, keys };
  }
}

const WORLD_REQUESTS = 4_000;

/** Whether some request of the world is decided otherwise. */
function hasEffect({ kind, before, after }: Mutation, random: Random): boolean {
  const programs = [before, after].map((text) => compile(text, kind));
  const [old, changed] = programs;
  if (old === undefined || changed === undefined) return false;
  for (const request of world(random, kind)) {
    if ((authorize(old, request).outcome === 'Allow') !== (authorize(changed, request).outcome === 'Allow'))
      return true;
  }
  return false;
}

function compile(text: string, kind: Mutation['kind']): PolicyProgram | undefined {
  const parsed = parsePolicy(text, { kind, dialect: 'portcullis', name: 'policy', bucket: BUCKET });
  if (!parsed.ok) return undefined;
  return kind === 'identity'
    ? compilePolicySet({ identity: [parsed.policy] }, 'portcullis')
    : compilePolicySet({ identity: [], bucket: parsed.policy }, 'portcullis', {
        requestRules: false,
        bucketPolicies: 'everyone',
        bucketAlone: true,
      });
}

/** So many mutations with an effect, the same for the same seed. */
export function* mutations(count: number, seed: number): Generator<Mutation> {
  const random = seeded(seed);
  for (let made = 0; made < count; ) {
    const mutation = propose(random);
    if (mutation === undefined || mutation.before === mutation.after || !hasEffect(mutation, random)) continue;
    made += 1;
    yield mutation;
  }
}
