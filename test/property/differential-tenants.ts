// Random questions of the dialect ceph: documents of a tenant, held against its users and their subusers, and those of another.
import { chance, DATES, NUMBERS, type Pair, pick, type Random, RELATIONS, some } from './differential-pair.ts';
import { type TenantQuestion, tenantDecision } from './reference-tenants.ts';

const TENANTS = ['usfolks', 'eufolks'];
const ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:PutObjectAcl', 's3:ListBucket', 's3:GetBucketLocation'];
const ACTION_ENTRIES = [...ACTIONS, 's3:*', 'S3:getobject', 's3:Get*', 's3:*Object', 's3:?etObject', '*', '*:whatever'];
const OBJECTS = ['', 'a', 'ab', 'home/fred', 'a:b', 'é', '*', 'A'];
const PATHS = [
  'happy',
  'happy/*',
  'happy/a*',
  'happy/?',
  'h*',
  '*',
  'happy/a:*',
  'sad/*',
  'happy/*b',
  'happy/${aws:username}',
];
const PRINCIPALS: readonly Omit<TenantQuestion['principal'], 'account'>[] = [
  { type: 'User', user: 'fred' },
  { type: 'User', user: 'fred:sub' },
  { type: 'User', user: 'fred:other' },
  { type: 'User', user: 'eve' },
  { type: 'AssumedRole', user: 'dev/s1' },
  { type: 'FederatedUser', user: 'accounts.example' },
  { type: 'Tenant', user: '' },
  { type: 'Anonymous', user: '' },
];
const NAMES = ['user/fred', 'user/fred:sub', 'user/fred:*', 'user/eve', 'root', 'role/dev'];
const TEXTS = ['a', 'ab', 'A', 'a*', '*', '?', 'fred', 'é'];
const VALUES = ['a', 'ab', 'A', 'x', '', 'fred', 'é', '*'];
const ARNS = ['arn:aws:s3:::happy/a', 'arn:aws:s3:::happy/*', 'arn:aws:*:::happy/a', 'arn:aws:s3:::*'];
const GIVEN_ARNS = ['arn:aws:s3:::happy/a', 'arn:aws:s3:::HAPPY/a', 'arn:aws:s3:::happy/a:b'];
const BLOCKS = ['10.0.0.0/8', '10.1.2.3', '10.1.2.3/32', '192.168.1.77/24', '0.0.0.0/0', '10.1.0.0/40'];
const ADDRESSES = ['10.1.2.3', '10.255.0.1', '192.168.1.1', '8.8.8.8', '10.1', 'unknown', '10.1.2.300', '10.0.0.0/4'];

function principals(random: Random): unknown {
  if (chance(random, 0.15)) return '*';
  const entry = (): string => {
    const tenant = pick(random, TENANTS);
    return pick(random, [
      '*',
      tenant,
      `arn:aws:sts::${tenant}:assumed-role/dev/s1`,
      ...NAMES.map((name) => `arn:aws:iam::${tenant}:${name}`),
      ...NAMES.slice(0, 3).map((name) => `arn:aws:iam::${TENANTS[0]}:${name}`),
    ]);
  };
  const federated = `arn:aws:iam::${pick(random, TENANTS)}:oidc-provider/${pick(random, ['accounts.example', 'other'])}`;
  return { AWS: some(random, 2, entry), ...(chance(random, 0.15) ? { Federated: federated } : {}) };
}

function condition(random: Random): object {
  const end = chance(random, 0.25) ? 'IfExists' : '';
  const not = chance(random, 0.4) ? 'Not' : '';
  const values = (from: readonly string[]): readonly string[] => some(random, 2, () => pick(random, from));
  const texts = (): readonly string[] | string =>
    chance(random, 0.2) ? pick(random, ['${aws:username}', '${aws:nope}']) : values(TEXTS);
  const key = (): string => pick(random, ['aws:Referer', 'aws:username', 'aws:UserAgent', 's3:prefix']);
  return pick<() => object>(random, [
    () => ({ [`String${not}${pick(random, ['Equals', 'EqualsIgnoreCase', 'Like'])}${end}`]: { [key()]: texts() } }),
    () => ({
      [`${pick(random, ['ForAllValues:', 'ForAnyValue:'])}String${pick(random, ['Equals', 'EqualsIgnoreCase', 'Like'])}`]:
        { [key()]: texts() },
    }),
    () => ({ [`Arn${not}${pick(random, ['Equals', 'Like'])}${end}`]: { 'aws:SourceArn': values(ARNS) } }),
    () => ({ [`Numeric${pick(random, RELATIONS)}${end}`]: { 's3:max-keys': values([...NUMBERS, 'ten']) } }),
    () => ({ [`Date${pick(random, RELATIONS)}${end}`]: { 'aws:CurrentTime': values(DATES) } }),
    () => ({ [`Bool${end}`]: { 'aws:SecureTransport': values(['true', 'false', '1', 'no']) } }),
    () => ({ [`${not}IpAddress${end}`]: { 'aws:SourceIp': values(BLOCKS) } }),
    () => ({ [`Null${end}`]: { [key()]: values(['true', 'false']) } }),
  ])();
}

function document(random: Random, tenant: string, near: { action: string; object: string }): string {
  const statements = some(random, 4, () => {
    const actions = some(random, 2, () => pick(random, ACTION_ENTRIES));
    if (chance(random, 0.5)) actions.push(near.action);
    const resources = some(random, 2, () => `arn:aws:s3::${pick(random, ['', '*', tenant])}:${pick(random, PATHS)}`);
    if (chance(random, 0.15)) resources.push('*');
    return {
      Effect: chance(random, 0.7) ? 'Allow' : 'Deny',
      ...(chance(random, 0.9) ? { Action: actions } : {}),
      ...(chance(random, 0.15) ? { NotAction: some(random, 2, () => pick(random, ACTION_ENTRIES.slice(0, 10))) } : {}),
      [chance(random, 0.1) ? 'NotResource' : 'Resource']: resources,
      ...(chance(random, 0.85) ? { Principal: principals(random) } : {}),
      ...(chance(random, 0.15) ? { NotPrincipal: principals(random) } : {}),
      ...(chance(random, 0.4) ? { Condition: condition(random) } : {}),
    };
  });
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.length === 1 ? statements[0] : statements });
}

export function tenantPair(random: Random): Pair {
  const tenant = chance(random, 0.8) ? 'usfolks' : 'eufolks';
  const kind = chance(random, 0.8) ? 'bucket' : 'identity';
  const near = { action: pick(random, ACTIONS), object: pick(random, OBJECTS) };
  const keys = new Map<string, readonly string[]>();
  const maybe = (key: string, from: readonly string[], most = 1): void => {
    if (chance(random, 0.75))
      keys.set(
        key,
        some(random, most, () => pick(random, from)),
      );
  };
  maybe('aws:username', ['fred', 'eve', 'a*']);
  maybe('aws:Referer', VALUES, 2);
  maybe('aws:UserAgent', VALUES, 2);
  maybe('s3:prefix', VALUES);
  maybe('aws:SourceArn', GIVEN_ARNS, 2);
  maybe('s3:max-keys', [...NUMBERS, '', 'ten'], 2);
  maybe('aws:CurrentTime', [...DATES, '', 'now']);
  maybe('aws:SecureTransport', ['true', 'false', 'True', '0', '', 'yes']);
  maybe('aws:SourceIp', ADDRESSES);
  const named = { ...pick(random, PRINCIPALS), account: pick(random, [...TENANTS, 'usfolks']) };
  const principal: TenantQuestion['principal'] =
    kind === 'identity' || chance(random, 0.1)
      ? { type: 'None', account: '', user: '' }
      : named.type === 'Anonymous'
        ? { ...named, account: '' }
        : named;
  const path = near.object === '' ? 'happy' : `happy/${near.object}`;
  const owner = chance(random, 0.9) ? tenant : pick(random, TENANTS);
  const asked: TenantQuestion = {
    tenant,
    document: document(random, tenant, near),
    kind,
    principal,
    action: near.action,
    resource: `arn:aws:s3::${owner}:${path}`,
    keys,
  };
  return {
    asked: {
      dialect: 'ceph',
      scope: kind,
      documents: kind === 'bucket' ? { bucket: asked.document } : { identity: [asked.document] },
      principal,
      action: asked.action,
      resource: { bucket: 'happy', object: near.object, arn: asked.resource },
      conditions: Object.fromEntries(keys),
      tenant,
    },
    expected: () => tenantDecision(asked),
  };
}
