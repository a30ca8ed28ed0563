// Action and NotAction: which actions a statement names, of which service, and which condition keys they admit.

import { BUCKET_SCOPED_ADMIN_ACTIONS } from '../dialect/admin-actions.ts';
import type { ActionTable, Dialect } from '../dialect/dialect.ts';
import { matchesWildcard } from '../match/wildcard.ts';
import type { StatementService } from '../policy.ts';
import { nearest } from './policy-issue.ts';
import type { StatementContext } from './statement-context.ts';

export interface ActionEntries {
  readonly entries: readonly string[];
  readonly negated: boolean;
  readonly service: StatementService;
  readonly resourceCounts: boolean;
  /** Every entry is one of object actions, or of others; wildcards are both. For bucket policies. */
  readonly classes: readonly ('object' | 'bucket' | 'both')[];
  /** Condition keys that an entry does not admit; undefined = admitted. */
  admits(key: string): boolean;
}

/** Reads the entries; undefined with issues when one is unknown. */
export function readActions(
  entries: readonly string[],
  negated: boolean,
  element: string,
  context: StatementContext,
): ActionEntries | undefined {
  const { dialect, issues, path, kind } = context;
  const service = kind === 'bucket' || negated ? 's3' : serviceOf(entries, dialect);
  const table = kind === 'bucket' ? dialect.bucketActions : dialect.identityActions;
  const known = [...Object.keys(table), ...dialect.adminActions];
  const before = issues.length;
  entries.forEach((entry, i) => {
    if (negated || isKnown(entry, service, table, context)) return;
    const suggestion = nearest(entry, known);
    issues.push({
      code: kind !== 'bucket' && isOtherService(entry, service, dialect) ? 'MixedServices' : 'UnknownAction',
      path: `${path}.${element}[${i}]`,
      message: `${JSON.stringify(entry)} is not an action${service === 's3' ? '' : ` of ${service}`} here${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  });
  if (issues.length > before) return undefined;
  return {
    entries,
    negated,
    service,
    resourceCounts:
      service === 's3' || service === 'kms' || (service === 'admin' && coversBucketScoped(entries, dialect)),
    classes: negated
      ? []
      : entries.map((entry) => classOf(entry, kind === 'bucket' && dialect.bucketActionNames === 'exact')),
    admits: (key) => negated || entries.every((entry) => admitsKey(entry, service, table, key, dialect)),
  };
}

function serviceOf(entries: readonly string[], dialect: Dialect): StatementService {
  if (entries.some((entry) => isAdminEntry(entry, dialect))) return 'admin';
  for (const service of ['sts', 'kms'] as const) {
    if (dialect.services.has(service) && entries.some((entry) => entry.startsWith(`${service}:`))) return service;
  }
  return 's3';
}

function isAdminEntry(entry: string, dialect: Dialect): boolean {
  if (entry === 'admin:*' || dialect.adminActions.has(entry)) return true;
  return (
    dialect.adminPatterns && [...dialect.adminActions].some((action) => matchesWildcard(entry, action, 'codePoint'))
  );
}

const STS_ACTIONS = [
  'AssumeRole',
  'AssumeRoleWithWebIdentity',
  'AssumeRoleWithClientGrants',
  'AssumeRoleWithLDAPIdentity',
  'AssumeRoleWithCertificate',
  'AssumeRoleWithClientCertificate',
  'AssumeRoleLDAPIdentity',
  'AssumeRoleWithCustomToken',
  'AssumeRoleWithSSO',
].map((name) => `sts:${name}`);
const KMS_ACTIONS = [
  'Status',
  'Metrics',
  'API',
  'Version',
  'CreateKey',
  'DeleteKey',
  'ListKeys',
  'ImportKey',
  'KeyStatus',
  'DescribePolicy',
  'AuditLog',
].map((name) => `kms:${name}`);

function isKnown(entry: string, service: StatementService, table: ActionTable, context: StatementContext): boolean {
  const { dialect, kind } = context;
  if (kind === 'bucket') {
    return dialect.bucketActionNames === 'any' ? true : Object.hasOwn(table, entry);
  }
  switch (service) {
    case 'admin':
      return isAdminEntry(entry, dialect);
    case 'sts':
      return entry === 'sts:*' || STS_ACTIONS.includes(entry);
    case 'kms':
      return entry === 'kms:*' || KMS_ACTIONS.includes(entry);
    case 's3':
      return Object.hasOwn(table, entry) || (/[*?]/.test(entry) && matching(entry, table).length > 0);
  }
}

function isOtherService(entry: string, service: StatementService, dialect: Dialect): boolean {
  return serviceOf([entry], dialect) !== service || /^(s3|admin|sts|kms):/.exec(entry)?.[1] !== service;
}

function matching(entry: string, table: ActionTable): string[] {
  return Object.keys(table).filter((action) => matchesWildcard(entry, action, 'codePoint'));
}

function coversBucketScoped(entries: readonly string[], dialect: Dialect): boolean {
  return (
    dialect.adminPatterns &&
    entries.some((entry) => BUCKET_SCOPED_ADMIN_ACTIONS.some((action) => matchesWildcard(entry, action, 'codePoint')))
  );
}

const OBJECT_ACTION =
  /^s3:(Abort|BypassGovernance|(Delete|Get|Put|Replicate|Restore|Update)Object|Replicate|ListMultipartUploadParts|ListObjectAnnotations)/;
const BUCKET_OBJECT_LOCK = /ObjectLockConfiguration$/;

function classOf(entry: string, exact: boolean): 'object' | 'bucket' | 'both' {
  if (!exact && /[*?]/.test(entry)) return 'both';
  return OBJECT_ACTION.test(entry) && !BUCKET_OBJECT_LOCK.test(entry) ? 'object' : 'bucket';
}

function admitsKey(
  entry: string,
  service: StatementService,
  table: ActionTable,
  key: string,
  dialect: Dialect,
): boolean {
  const name = dialect.keySuffixes ? (key.split('/', 1)[0] as string) : key;
  if (service === 'kms') return true;
  if (service === 'admin') {
    if (entry !== 'admin:*' && !dialect.adminActions.has(entry)) return false;
    return dialect.adminKeys.includes(name);
  }
  if (service === 'sts') return STS_KEYS.has(name);
  const actions = Object.hasOwn(table, entry) ? [entry] : matching(entry, table);
  if (actions.length === 0) return dialect.commonKeys.includes(name);
  return actions.some((action) => {
    const extra = table[action];
    return extra !== 'none' && (dialect.commonKeys.includes(name) || (extra ?? []).includes(name));
  });
}

const STS_KEYS: ReadonlySet<string> = new Set([
  'aws:SecureTransport',
  'aws:principaltype',
  'aws:userid',
  'aws:username',
  'aws:groups',
  'ldap:user',
  'ldap:username',
  'ldap:groups',
  'sts:DurationSeconds',
]);
