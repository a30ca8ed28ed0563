// juicefs, minio, and the product's default, portcullis, which is minio with switches set for people's safety and expectation.
import type { ConditionRules } from '../condition/condition-rules.ts';
import type { KeyNaming } from '../condition/evaluation.ts';
import type { VariableRules } from '../match/template.ts';
import { ADMIN_ACTIONS, ADMIN_KEYS, MINIO_ADMIN_ACTIONS } from './admin-actions.ts';
import type { ActionTable, Dialect, PathGrammar } from './dialect.ts';
import { DOCUMENTED_ADMIN_ACTIONS, DOCUMENTED_KEYS, DOCUMENTED_VARIABLES } from './documented-names.ts';
import { JUICEFS_BUCKET_ACTIONS, JUICEFS_COMMON_KEYS, JUICEFS_IDENTITY_ACTIONS } from './juicefs-actions.ts';
import { MINIO_COMMON_KEYS, MINIO_IDENTITY_ACTIONS } from './minio-actions.ts';
import { COMMON_OPERATORS } from './operator-names.ts';
import { PORTCULLIS_ACTIONS } from './portcullis-actions.ts';

/** Keys live in one flat name space without their service's prefix: names that are one there. */
const FLAT_NAMING: KeyNaming = {
  ignoreCase: false,
  synonyms: synonymsOf([
    ...MINIO_COMMON_KEYS,
    ...Object.values(MINIO_IDENTITY_ACTIONS).flatMap((keys) => (keys === 'none' ? [] : keys)),
    'sts:DurationSeconds',
    'svc:DurationSeconds',
  ]),
};

function synonymsOf(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const flat = (name: string): string => name.slice(name.indexOf(':') + 1);
  const unique = [...new Set(names)];
  const synonyms = new Map<string, readonly string[]>();
  for (const name of unique) {
    const others = unique.filter((other) => other !== name && flat(other) === flat(name));
    if (others.length > 0) synonyms.set(name, others);
  }
  return synonyms;
}

/** A fact may come by the names that documents may use, too. */
const DOCUMENTED_NAMING: KeyNaming = {
  ...FLAT_NAMING,
  synonyms: withSpellings(FLAT_NAMING.synonyms ?? new Map(), DOCUMENTED_KEYS),
  spellings: DOCUMENTED_KEYS,
};

function withSpellings(
  synonyms: ReadonlyMap<string, readonly string[]>,
  spellings: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const all = new Map(synonyms);
  for (const [spelling, name] of spellings) all.set(name, [...(all.get(name) ?? []), spelling]);
  return all;
}

/** The order in which variables are replaced; `s3:x-amz-content-sha256` is none, for it is kept under a header's name. */
const REPLACED_FIRST = [
  's3:signatureversion',
  's3:authType',
  's3:signatureAge',
  's3:LocationConstraint',
  's3express:SessionMode',
  'aws:Referer',
  'aws:SourceIp',
  'aws:UserAgent',
  'aws:SecureTransport',
  'aws:CurrentTime',
  'aws:EpochTime',
  'aws:principaltype',
  'aws:userid',
  'aws:username',
  'aws:groups',
  'ldap:user',
  'ldap:username',
  'ldap:groups',
  'jwt:sub',
  'jwt:iss',
  'jwt:aud',
  'jwt:jti',
  'jwt:name',
  'jwt:upn',
];
const MINIO_VARIABLES = [
  ...REPLACED_FIRST,
  ...MINIO_COMMON_KEYS.filter((key) => key.startsWith('jwt:') && !REPLACED_FIRST.includes(key)),
];

const CHAINED: VariableRules = {
  names: MINIO_VARIABLES,
  chained: true,
  literal: false,
  absent: 'asWritten',
  defaults: false,
  escapes: false,
  singleValue: false,
  toNextBrace: false,
};
const ONE_PASS: VariableRules = { ...CHAINED, chained: false, toNextBrace: true };
const LITERAL: VariableRules = {
  ...CHAINED,
  chained: false,
  literal: true,
  names: [...MINIO_VARIABLES, ...DOCUMENTED_VARIABLES],
};
const JUICEFS_VARIABLES: VariableRules = {
  ...CHAINED,
  names: MINIO_VARIABLES.filter((name) => JUICEFS_COMMON_KEYS.includes(name)),
};

const juicefsConditions: ConditionRules = {
  operators: new Set(COMMON_OPERATORS),
  operatorsIgnoreCase: false,
  unknownOperator: 'refused',
  ifExists: new Set(),
  qualified: new Set(),
  negatedQualifier: 'whole',
  negatedWithoutKey: { string: true, number: true, date: true, address: true },
  negatedPairs: 'none',
  orderedValues: 'first',
  notEqualsMalformed: true,
  orderedPolicyValues: 'one',
  numbers: 'int64',
  dates: 'rfc3339',
  malformedPolicyValue: 'refused',
  bool: 'text',
  nullValue: 'counts',
  boundToKeys: true,
  closedValues: new Map([
    ['s3:x-amz-server-side-encryption', ['AES256']],
    ['s3:x-amz-server-side-encryption-customer-algorithm', ['AES256']],
    ['s3:x-amz-metadata-directive', ['COPY', 'REPLACE']],
  ]),
  ignoreCase: 'simpleFold',
  blockWithoutMask: 'refused',
  blockOfAllIpv4: 'everything',
  networks: false,
  mappedAddresses: true,
  malformedAddress: 'fault',
  valueTypes: {
    nullIsFalse: true,
    booleans: true,
    fractions: false,
    emptyList: true,
    duplicates: true,
    stringsFromOthers: false,
  },
  wholeVariables: false,
};

const minioConditions: ConditionRules = {
  ...juicefsConditions,
  ifExists: new Set(['NumericGreaterThan']),
  qualified: new Set(COMMON_OPERATORS),
  negatedWithoutKey: { string: true, number: false, date: false, address: true },
  notEqualsMalformed: false,
  closedValues: new Map([
    ['s3:x-amz-server-side-encryption', ['AES256', 'aws:kms']],
    ['s3:x-amz-server-side-encryption-customer-algorithm', ['AES256']],
    ['s3:x-amz-metadata-directive', ['COPY', 'REPLACE']],
  ]),
  ignoreCase: 'lower',
  blockWithoutMask: 'slash32',
  malformedAddress: 'noMatch',
};

const juicefsGrammar: PathGrammar = {
  kind: 'path',
  identityActions: JUICEFS_IDENTITY_ACTIONS,
  bucketActions: JUICEFS_BUCKET_ACTIONS,
  adminActions: new Set(ADMIN_ACTIONS),
  commonKeys: JUICEFS_COMMON_KEYS,
  adminKeys: ADMIN_KEYS,
  adminActionsWithoutKeys: new Set(['admin:GetGroup', 'admin:Prometheus']),
  keySuffixes: false,
  notAction: false,
  notResource: false,
  refusesNotPrincipal: false,
  singleStatement: false,
  repeatedBucketStatement: 'replaced',
  bucketActionNames: 'exact',
  bucketActionCase: 'exact',
  bucketNotActionStorable: true,
  starResource: false,
  adminPatterns: false,
  services: new Set(),
  principalsFromOthers: false,
  principalArns: false,
  nameUsedUp: 'fault',
  bucketActionImplies: false,
};

/** What names every action admits every key, also those of tokens. */
const MINIO_ACTIONS: ActionTable = {
  ...MINIO_IDENTITY_ACTIONS,
  's3:*': [
    ...new Set(Object.values(MINIO_IDENTITY_ACTIONS).flatMap((keys) => (keys === 'none' ? [] : keys))),
    'sts:DurationSeconds',
    'svc:DurationSeconds',
  ],
};

const minioGrammar: PathGrammar = {
  ...juicefsGrammar,
  identityActions: MINIO_ACTIONS,
  bucketActions: MINIO_ACTIONS,
  adminActions: new Set([...ADMIN_ACTIONS, ...MINIO_ADMIN_ACTIONS]),
  commonKeys: MINIO_COMMON_KEYS,
  adminKeys: [
    ...ADMIN_KEYS,
    'aws:principaltype',
    'aws:userid',
    'aws:username',
    'aws:groups',
    ...MINIO_COMMON_KEYS.filter((key) => key.startsWith('ldap:') || key.startsWith('jwt:')),
    'svc:DurationSeconds',
  ],
  adminActionsWithoutKeys: new Set(),
  keySuffixes: true,
  notAction: true,
  notResource: true,
  repeatedBucketStatement: 'overlaid',
  bucketActionNames: 'any',
  bucketNotActionStorable: false,
  starResource: true,
  adminPatterns: true,
  services: new Set(['sts', 'kms']),
  principalsFromOthers: true,
  nameUsedUp: 'matches',
  bucketActionImplies: true,
};

const juicefsIdentityResource = {
  form: 'path',
  bucketAsFolder: true,
  cleansPath: true,
  questionMark: 'codePoint',
  variables: JUICEFS_VARIABLES,
  naming: FLAT_NAMING,
} as const;

export const juicefs: Dialect = {
  name: 'juicefs',
  json: { trailing: 'ignored', comments: false, loneSurrogates: 'replaced', maxDepth: 10_000 },
  grammar: juicefsGrammar,
  actions: { comparison: 'exactCase', known: undefined },
  identityResource: juicefsIdentityResource,
  bucketResource: { ...juicefsIdentityResource, bucketAsFolder: false, cleansPath: false },
  conditions: juicefsConditions,
  naming: FLAT_NAMING,
  variables: JUICEFS_VARIABLES,
  rootIsAllowed: true,
  identityPoliciesRequired: true,
  bucketGrants: 'asIdentity',
  bucketPolicies: 'anonymous',
  anonymousNeedsBucket: true,
  listingIncludesVersions: true,
  namedVersion: 'ignored',
};

const minioIdentityResource = {
  ...juicefsIdentityResource,
  questionMark: 'byte',
  variables: ONE_PASS,
} as const;

export const minio: Dialect = {
  ...juicefs,
  name: 'minio',
  grammar: minioGrammar,
  identityResource: minioIdentityResource,
  bucketResource: { ...minioIdentityResource, bucketAsFolder: false },
  conditions: minioConditions,
  variables: CHAINED,
  namedVersion: 'deletionDenied',
};

/** Two tables as one: what an action admits in either. */
function withActions(table: ActionTable, more: ActionTable): ActionTable {
  const merged: Record<string, readonly string[] | 'none'> = { ...table };
  for (const [action, keys] of Object.entries(more)) {
    const known = table[action] ?? [];
    merged[action] = known === 'none' || keys === 'none' ? 'none' : [...new Set([...known, ...keys])];
  }
  const every = Object.values(merged).flatMap((keys) => (keys === 'none' ? [] : keys));
  return { ...merged, 's3:*': [...new Set(every)] };
}

const PORTCULLIS_S3_ACTIONS = withActions(MINIO_ACTIONS, PORTCULLIS_ACTIONS);

export const portcullis: Dialect = {
  ...minio,
  name: 'portcullis',
  grammar: {
    ...minioGrammar,
    identityActions: PORTCULLIS_S3_ACTIONS,
    bucketActions: PORTCULLIS_S3_ACTIONS,
    adminActions: new Set([...minioGrammar.adminActions, ...DOCUMENTED_ADMIN_ACTIONS]),
    bucketActionCase: 'any',
    singleStatement: true,
    refusesNotPrincipal: true,
    principalArns: true,
    bucketNotActionStorable: true,
  },
  // AWS: a date may be given in seconds since the epoch, and aws:EpochTime is one
  conditions: { ...minioConditions, dates: 'lenient' },
  identityResource: { ...minio.identityResource, variables: LITERAL, naming: DOCUMENTED_NAMING },
  bucketResource: { ...minio.bucketResource, variables: LITERAL, naming: DOCUMENTED_NAMING },
  naming: DOCUMENTED_NAMING,
  variables: LITERAL,
  identityPoliciesRequired: false,
  bucketPolicies: 'everyone',
  namedVersion: 'eitherAction',
};
