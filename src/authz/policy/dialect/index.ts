// The dialects. `portcullis`, the default, is minio with switches set for people's safety and expectation.
import type { DialectName } from '../request.ts';
import { ADMIN_ACTIONS, ADMIN_KEYS, MINIO_ADMIN_ACTIONS } from './admin-actions.ts';
import type { Dialect } from './dialect.ts';
import { JUICEFS_BUCKET_ACTIONS, JUICEFS_COMMON_KEYS, JUICEFS_IDENTITY_ACTIONS } from './juicefs-actions.ts';
import { MINIO_COMMON_KEYS, MINIO_IDENTITY_ACTIONS } from './minio-actions.ts';

const OPERATORS: ReadonlySet<string> = new Set([
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'Null',
  'Bool',
  ...['Numeric', 'Date'].flatMap((kind) =>
    ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map((c) => kind + c),
  ),
]);

const juicefs: Dialect = {
  name: 'juicefs',
  identityActions: JUICEFS_IDENTITY_ACTIONS,
  bucketActions: JUICEFS_BUCKET_ACTIONS,
  adminActions: new Set(ADMIN_ACTIONS),
  commonKeys: JUICEFS_COMMON_KEYS,
  adminKeys: ADMIN_KEYS,
  operators: OPERATORS,
  ifExistsOperators: new Set(),
  setPrefixes: false,
  keySuffixes: false,
  notAction: false,
  refusesNotPrincipal: false,
  notResource: false,
  singleStatement: false,
  bucketActionNames: 'exact',
  starResource: false,
  adminPatterns: false,
  services: new Set(),
  maskRequired: true,
  questionMark: 'codePoint',
  literalVariables: false,
  variables: new Set(JUICEFS_COMMON_KEYS.filter((key) => key !== 's3:x-amz-content-sha256')),
  bucketPolicyCleansPath: false,
  bucketPolicyActionImplies: false,
  notEqualsWithoutValue: true,
  malformedAddress: 'fault',
  ignoreCase: 'simpleFold',
  bucketPolicies: 'anonymous',
  principalArns: false,
  deleteVersionDeny: false,
  keyPrefixes: new Set(['aws', 's3', 'jwt', 'ldap']),
};

const minio: Dialect = {
  ...juicefs,
  name: 'minio',
  identityActions: MINIO_IDENTITY_ACTIONS,
  bucketActions: MINIO_IDENTITY_ACTIONS,
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
  ifExistsOperators: new Set(['NumericGreaterThan']),
  setPrefixes: true,
  keySuffixes: true,
  notAction: true,
  notResource: true,
  bucketActionNames: 'any',
  starResource: true,
  adminPatterns: true,
  services: new Set(['sts', 'kms']),
  maskRequired: false,
  questionMark: 'byte',
  variables: new Set(MINIO_COMMON_KEYS.filter((key) => key !== 's3:x-amz-content-sha256')),
  bucketPolicyCleansPath: true,
  bucketPolicyActionImplies: true,
  notEqualsWithoutValue: false,
  malformedAddress: 'noMatch',
  ignoreCase: 'lower',
  deleteVersionDeny: true,
  keyPrefixes: new Set(['aws', 's3', 'jwt', 'ldap', 'sts', 'svc']),
};

const portcullis: Dialect = {
  ...minio,
  name: 'portcullis',
  singleStatement: true,
  refusesNotPrincipal: true,
  literalVariables: true,
  bucketPolicies: 'everyone',
  principalArns: true,
};

const DIALECTS: ReadonlyMap<DialectName, Dialect> = new Map([
  ['portcullis', portcullis],
  ['juicefs', juicefs],
  ['minio', minio],
]);

/** The dialect of a name; undefined for one whose rules are not there yet. */
export function findDialect(name: DialectName): Dialect | undefined {
  return DIALECTS.get(name);
}

/** Names of the dialects that can be used. */
export const DIALECT_NAMES: readonly DialectName[] = [...DIALECTS.keys()];
