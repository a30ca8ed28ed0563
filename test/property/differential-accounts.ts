// Random questions of the dialect aws: identity policies, boundaries, sessions and bucket policies, within an account and between two.
import { chance, DATES, NUMBERS, type Pair, pick, type Random, RELATIONS, some } from './differential-pair.ts';
import { type AccountQuestion, accountDecision } from './reference-accounts.ts';

const HERE = '111122223333';
const THERE = '444455556666';
const ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket', 's3:GetBucketLocation'];
const ACTION_ENTRIES = [...ACTIONS, 's3:*', 'S3:GETOBJECT', 's3:get*', 's3:*Object', 's3:?etObject', '*', 'iam:*'];
const BUCKETS = ['photos', 'photo', 'logs'];
const OBJECTS = ['', 'a', 'ab', 'home/alice/x', 'home/team/y', 'a:b', 'é', '*', 'a/b/c'];
const TAILS = [
  '',
  '/*',
  '/a*',
  '/home/${aws:username}/*',
  "/home/${aws:PrincipalTag/team, 'team'}/*",
  '/?',
  '/${*}',
  '/a:*',
  '/*/c',
  '/${aws:nope}/*',
  '/${AWS:UserName}*',
];
const PRINCIPALS: readonly AccountQuestion['principal'][] = [
  { type: 'User', account: HERE, arn: `arn:aws:iam::${HERE}:user/alice` },
  { type: 'User', account: HERE, arn: `arn:aws:iam::${HERE}:user/bob` },
  { type: 'AssumedRole', account: HERE, arn: `arn:aws:sts::${HERE}:assumed-role/dev/s1` },
  { type: 'FederatedUser', account: HERE, arn: `arn:aws:sts::${HERE}:federated-user/fay` },
  { type: 'User', account: THERE, arn: `arn:aws:iam::${THERE}:user/alice` },
  { type: 'Anonymous', account: '', arn: '' },
];
const ENTRIES = [
  '*',
  HERE,
  THERE,
  `arn:aws:iam::${HERE}:root`,
  `arn:aws:iam::${HERE}:user/alice`,
  `arn:aws:iam::${THERE}:user/alice`,
  `arn:aws:iam::${HERE}:role/dev`,
  `arn:aws:sts::${HERE}:assumed-role/dev/s1`,
  `arn:aws:sts::${HERE}:federated-user/fay`,
];
const TEXTS = [
  'a',
  'ab',
  'A',
  'a*',
  '*',
  '?',
  'alice',
  '${aws:username}',
  '${aws:nope}',
  "${aws:nope, 'a'}",
  '${*}',
  'é',
];
const VALUES = ['a', 'ab', 'A', 'x', '', 'alice', 'é', '*', '${*}'];
const ARNS = [
  'arn:aws:s3:::photos/a',
  'arn:aws:s3:::photos/*',
  'arn:aws:*:::photos/a',
  'arn:aws:s3:::photos/${aws:username}',
  'arn:aws:s3:::photos/${aws:nope}',
  '*',
];
const GIVEN_ARNS = ['arn:aws:s3:::photos/a', 'arn:aws:s3:::photos/alice', 'arn:aws:s3:::photos/a:b', 'photos'];
const BLOCKS = ['10.0.0.0/8', '10.1.2.3', '10.1.2.3/32', '192.168.1.77/24', '10.1.0.0/15'];
const ADDRESSES = ['10.1.2.3', '10.255.0.1', '192.168.1.1', '8.8.8.8', '10.1', 'unknown', '10.1.2.300'];

function condition(random: Random): object {
  const set = chance(random, 0.3) ? pick(random, ['ForAllValues:', 'ForAnyValue:']) : '';
  const end = chance(random, 0.25) ? 'IfExists' : '';
  const not = chance(random, 0.4) ? 'Not' : '';
  const values = (from: readonly string[]): readonly string[] => [
    ...new Set(some(random, 2, () => pick(random, from))),
  ];
  const text = ['aws:Referer', 'aws:username', 'AWS:userAgent', 'aws:PrincipalTag/team'];
  return pick<() => object>(random, [
    () => ({
      [`${set}String${not}${pick(random, ['Equals', 'EqualsIgnoreCase', 'Like'])}${end}`]: {
        [pick(random, text)]: values(TEXTS),
      },
    }),
    () => ({ [`${set}Arn${not}${pick(random, ['Equals', 'Like'])}${end}`]: { 'aws:SourceArn': values(ARNS) } }),
    () => ({ [`${set}Numeric${pick(random, RELATIONS)}${end}`]: { 's3:max-keys': values(NUMBERS) } }),
    () => ({ [`${set}Date${pick(random, RELATIONS)}${end}`]: { 'aws:CurrentTime': values(DATES) } }),
    () => ({ [`${set}Bool${end}`]: { 'aws:SecureTransport': values(['true', 'false']) } }),
    () => ({ [`${set}${not}IpAddress${end}`]: { 'aws:sourceip': values(BLOCKS) } }),
    () => ({ Null: { [pick(random, [...text, 'aws:SourceIp'])]: values(['true', 'false']) } }),
  ])();
}

function document(
  random: Random,
  kind: 'identity' | 'bucket',
  near: { action: string; bucket: string; object: string },
): string {
  const statements = some(random, 4, () => {
    const actions = some(random, 2, () => pick(random, ACTION_ENTRIES));
    if (chance(random, 0.5)) actions.push(near.action);
    const resources = some(
      random,
      2,
      () => `arn:aws:s3:::${pick(random, [...BUCKETS, 'photo*', '*'])}${pick(random, TAILS)}`,
    );
    if (chance(random, 0.5)) resources.push(`arn:aws:s3:::${near.bucket}${near.object === '' ? '' : '/*'}`);
    if (chance(random, 0.1)) resources.push('*');
    const entries = { AWS: some(random, 2, () => pick(random, ENTRIES)) };
    return {
      Effect: chance(random, 0.7) ? 'Allow' : 'Deny',
      [chance(random, 0.1) ? 'NotAction' : 'Action']: actions,
      [chance(random, 0.1) ? 'NotResource' : 'Resource']: resources,
      ...(kind === 'identity'
        ? {}
        : chance(random, 0.15)
          ? { NotPrincipal: entries }
          : { Principal: chance(random, 0.15) ? '*' : entries }),
      ...(chance(random, 0.4) ? { Condition: condition(random) } : {}),
    };
  });
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function accountPair(random: Random): Pair {
  const principal = pick(random, PRINCIPALS);
  const anonymous = principal.type === 'Anonymous';
  const near = { action: pick(random, ACTIONS), bucket: pick(random, BUCKETS), object: pick(random, OBJECTS) };
  const keys = new Map<string, readonly string[]>();
  const maybe = (key: string, from: readonly string[], most = 1): void => {
    if (chance(random, 0.75))
      keys.set(
        key,
        some(random, most, () => pick(random, from)),
      );
  };
  if (principal.type === 'User') keys.set('aws:username', [principal.arn.split('/')[1] ?? '']);
  maybe('aws:Referer', VALUES, 2);
  maybe('aws:UserAgent', VALUES, 2);
  maybe('aws:PrincipalTag/team', ['team', 'a*', 'alice'], 2);
  maybe('aws:SourceArn', GIVEN_ARNS, 2);
  maybe('s3:max-keys', [...NUMBERS, '', 'ten', '1 '], 2);
  maybe('aws:CurrentTime', [...DATES, '', 'now', '2026-02-30T00:00:00Z']);
  maybe('aws:SecureTransport', ['true', 'false', 'True', '']);
  maybe('aws:SourceIp', ADDRESSES);
  const optional = (of: number, kind: 'identity' | 'bucket'): string | undefined =>
    chance(random, of) ? document(random, kind, near) : undefined;
  const asked: AccountQuestion = {
    identity: anonymous ? [] : some(random, 2, () => document(random, 'identity', near)),
    session: anonymous ? undefined : optional(0.2, 'identity'),
    boundary: anonymous ? undefined : optional(0.25, 'identity'),
    bucketPolicy: optional(0.65, 'bucket'),
    principal,
    action: near.action,
    resource: `arn:aws:s3:::${near.bucket}${near.object === '' ? '' : `/${near.object}`}`,
    owner: chance(random, 0.8) ? HERE : THERE,
    keys,
  };
  const { identity, session = null, boundary = null, bucketPolicy: bucket = null, resource: arn } = asked;
  return {
    asked: {
      dialect: 'aws',
      scope: 'combined',
      documents: { identity, session, boundary, bucket },
      principal: { type: principal.type, account: principal.account, ...(anonymous ? {} : { arn: principal.arn }) },
      action: asked.action,
      resource: { bucket: near.bucket, object: near.object, arn, account: asked.owner },
      conditions: Object.fromEntries(keys),
    },
    expected: () => accountDecision(asked),
  };
}
