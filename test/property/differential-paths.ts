// Random questions of the dialects juicefs, minio and portcullis: paths in buckets.
import type { DocumentQuestion } from '../../src/authz/policy/index.ts';
import { chance, DATES, type Pair, pick, type Random, RELATIONS, some } from './differential-pair.ts';
import { type ReferenceDialect, type ReferenceQuestion, referenceDecision } from './reference-paths.ts';

const DIALECTS: readonly ReferenceDialect[] = ['portcullis', 'minio', 'juicefs'];
const ACTIONS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:GetObjectVersion',
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:GetBucketLocation',
  's3:ListAllMyBuckets',
];
const ACTION_ENTRIES = [...ACTIONS, 's3:*', 's3:Get*', 's3:*Object', 's3:?etObject', 's3:List*', 's3:*Version*', '*'];
const BUCKETS = ['photos', 'photo', 'p', 'logs', 'é'];
const SEGMENTS = [
  'a',
  'ab',
  'x*',
  '*',
  '?',
  '??',
  'é',
  'home',
  '${aws:username}',
  '${jwt:sub}',
  '..',
  '.',
  '',
  'a*b',
  '**',
  '${nope}',
];
const OBJECTS = [
  '',
  'a',
  'ab',
  'x',
  'é',
  'home/alice',
  'home/a*',
  'a/b/a',
  './a',
  'x/../a',
  '../logs/a',
  'a/',
  '/a',
  'axxb',
  '${jwt:sub}',
  '*',
];
const USERS = ['alice', 'bob', 'a*', '', 'é', 'x?'];
const TEXTS = ['a', 'ab', 'A', 'a*', '*', '', 'alice', '${aws:username}', 'x?', 'é', '${jwt:sub}/*', 'home/*'];
const VALUES = ['a', 'ab', 'A', 'x', '', 'alice', 'xé', 'é', '*', 'home/a', 'a*', 'S1/x'];
const BLOCKS = ['10.0.0.0/8', '10.1.2.3/32', '192.168.1.77/24', '0.0.0.0/0', '10.1.0.0/15', '::ffff:10.0.0.0/104'];
const ADDRESSES = ['10.1.2.3', '10.255.0.1', '192.168.1.1', '8.8.8.8', '::ffff:10.1.2.3'];
const NO_ADDRESSES = ['', '10.1', '10.1.2.300', '010.1.2.3', 'unknown', '10.1.2.3:80', ' 10.1.2.3'];
const NO_DATES = [
  '',
  '2026-01-01',
  '2026-02-30T00:00:00Z',
  '2026-01-01 00:00:00Z',
  '1767225600',
  '2026-01-01T24:00:00Z',
];
const NUMBERS = ['0', '1', '10', '-5', '+7', '007', '1000'];
const NO_NUMBERS = ['', '10.0', '1e3', ' 1', '0x10', 'ten'];

/** What is asked for: documents speak of it more often than chance would have it. */
interface Near {
  readonly action: string;
  readonly bucket: string;
  readonly object: string;
}

function resource(random: Random, bucket: string | undefined, near: Near): string {
  if (chance(random, 0.4)) {
    const first = near.object.split('/')[0] ?? '';
    const tails = ['/*', `/${near.object}`, '*', `/${first}*`, `/${first.slice(0, 1)}*`, '/?*', ''];
    return `arn:aws:s3:::${near.bucket}${pick(random, tails)}`;
  }
  const head = bucket ?? pick(random, [...BUCKETS, 'photo*', '*', 'ph?to', '*s']);
  const tail = some(random, 3, () => pick(random, SEGMENTS)).join('/');
  return `arn:aws:s3:::${chance(random, 0.25) ? head : `${head}/${tail}`}`;
}

function condition(random: Random, dialect: ReferenceDialect): object {
  const operators: Record<string, Record<string, unknown>> = {};
  for (let i = 1 + Math.floor(random() * 2); i > 0; i--) {
    const set = dialect !== 'juicefs' && chance(random, 0.3) ? pick(random, ['ForAllValues:', 'ForAnyValue:']) : '';
    const relation = (): string => pick(random, RELATIONS);
    const [operator, key, values] = pick<() => [string, string, unknown]>(random, [
      () => [
        `${set}String${pick(random, ['Equals', 'NotEquals', 'EqualsIgnoreCase', 'NotEqualsIgnoreCase', 'Like', 'NotLike'])}`,
        pick(random, ['aws:Referer', 'aws:UserAgent', 'aws:username', 'jwt:sub']),
        [...new Set(some(random, 3, () => pick(random, TEXTS)))],
      ],
      () => [`Numeric${relation()}`, 'aws:EpochTime', pick(random, NUMBERS)],
      () => [`Date${relation()}`, 'aws:CurrentTime', pick(random, DATES)],
      () => ['Bool', 'aws:SecureTransport', pick(random, ['true', 'false'])],
      () => [
        pick(random, ['IpAddress', 'NotIpAddress']),
        'aws:SourceIp',
        [...new Set(some(random, 2, () => pick(random, BLOCKS)))],
      ],
      () => ['Null', pick(random, ['aws:Referer', 'jwt:sub', 'aws:SourceIp']), pick(random, ['true', 'false'])],
    ])();
    operators[operator] = { ...operators[operator], [key]: values };
  }
  return operators;
}

function document(random: Random, dialect: ReferenceDialect, bucket: string | undefined, near: Near): string {
  const extended = dialect !== 'juicefs';
  const statements = some(random, 5, () => {
    const exact = bucket !== undefined && !extended;
    const actions = some(random, 3, () => pick(random, exact ? ACTIONS.slice(0, 8) : ACTION_ENTRIES));
    if (chance(random, 0.4)) actions.push(near.action);
    const resources = some(random, 3, () => resource(random, bucket, near));
    // A resource for each kind of action.
    if (bucket !== undefined) resources.push(`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/zz`);
    return {
      Effect: chance(random, 0.65) ? 'Allow' : 'Deny',
      [extended && chance(random, 0.1) ? 'NotAction' : 'Action']: actions.filter(
        (one) => one !== '*' || bucket !== undefined,
      ),
      [extended && bucket === undefined && chance(random, 0.1) ? 'NotResource' : 'Resource']: resources,
      ...(bucket === undefined
        ? {}
        : { Principal: pick<unknown>(random, ['*', { AWS: ['alice'] }, { AWS: ['a*', 'é'] }, { AWS: ['*'] }]) }),
      ...(chance(random, 0.45) ? { Condition: condition(random, dialect) } : {}),
    };
  });
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function pathPair(random: Random): Pair {
  const asked = question(random);
  return { asked: asDocuments(asked), expected: () => referenceDecision(asked) };
}

function question(random: Random): ReferenceQuestion {
  const dialect = pick(random, DIALECTS);
  const bucket = pick(random, BUCKETS.slice(0, 4));
  const user = chance(random, 0.2) ? '' : pick(random, dialect === 'portcullis' ? USERS : ['alice', 'bob', '']);
  const keys = new Map<string, readonly string[]>();
  const maybe = (key: string, from: readonly string[], most = 1): void => {
    if (chance(random, 0.8))
      keys.set(key, most === 1 ? [pick(random, from)] : some(random, most, () => pick(random, from)));
  };
  if (user !== '') keys.set('aws:username', [user]);
  // What cannot be read as an address refuses in juicefs, whatever else is decided; that is shown elsewhere.
  maybe('aws:SourceIp', dialect === 'juicefs' ? ADDRESSES : [...ADDRESSES, ...ADDRESSES, ...NO_ADDRESSES], 2);
  maybe('aws:SecureTransport', ['true', 'false', 'True', '']);
  maybe(
    'aws:Referer',
    VALUES.filter((value) => dialect === 'portcullis' || !value.includes('*')),
    3,
  );
  maybe('aws:UserAgent', VALUES, 3);
  maybe('jwt:sub', dialect === 'portcullis' ? ['S1', 'a*', 'x/y'] : ['S1', 'x/y']);
  maybe('aws:CurrentTime', [...DATES, ...NO_DATES]);
  maybe('aws:EpochTime', [...NUMBERS, ...NO_NUMBERS]);
  if (chance(random, 0.3)) keys.set('s3:versionid', [pick(random, ['', 'v1'])]);
  const action = pick(random, ACTIONS);
  const service = action === 's3:ListAllMyBuckets';
  const near: Near = { action, bucket, object: pick(random, OBJECTS) };
  return {
    dialect,
    identity: user === '' ? [] : some(random, 2, () => document(random, dialect, undefined, near)),
    session: user !== '' && chance(random, 0.25) ? document(random, dialect, undefined, near) : undefined,
    bucketPolicy:
      !service && (user === '' || chance(random, 0.4)) ? document(random, dialect, bucket, near) : undefined,
    user,
    action,
    bucket: service ? '' : bucket,
    object: service ? '' : near.object,
    keys,
  };
}

function asDocuments(asked: ReferenceQuestion): DocumentQuestion {
  const { dialect, identity, session, bucketPolicy, user, action, bucket, object, keys } = asked;
  return {
    dialect,
    scope: user === '' ? 'anonymous' : 'combined',
    documents: { identity, session: session ?? null, bucket: bucketPolicy ?? null },
    principal: { type: user === '' ? 'Anonymous' : 'User', user },
    action,
    resource: { bucket, object },
    conditions: Object.fromEntries(keys),
  };
}
