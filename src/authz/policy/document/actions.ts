// Action and NotAction out of closed lists: which actions a statement names, of which service, and which condition keys they admit.
import { BUCKET_SCOPED_ADMIN_ACTIONS } from '../dialect/admin-actions.ts';
import type { ActionTable, PathGrammar } from '../dialect/dialect.ts';
import { KMS_ACTIONS, STS_ACTIONS, STS_KEYS } from '../dialect/service-actions.ts';
import { compilePattern } from '../match/wildcard.ts';
import type { StatementService } from '../policy.ts';
import { nearest } from './policy-issue.ts';
import type { StatementContext } from './statement-context.ts';

type Context = StatementContext<PathGrammar>;

export interface ActionEntries {
  readonly entries: readonly string[];
  readonly negated: boolean;
  readonly service: StatementService;
  readonly resourceCounts: boolean;
  /** Administration actions of one bucket are among them. */
  readonly bucketScoped: boolean;
  /** Every entry is one of object actions, or of others. For bucket policies. */
  readonly classes: readonly ('object' | 'bucket')[];
  /** Whether every entry admits a condition key. */
  admits(key: string): boolean;
}

const WILDCARD = /[*?]/;

/** Reads the entries; undefined with issues when one is unknown. */
export function readActions(
  written: readonly string[],
  negated: boolean,
  element: string,
  context: Context,
): ActionEntries | undefined {
  const { grammar, issues, path, kind } = context;
  const service = kind === 'bucket' || negated ? 's3' : serviceOf(written, grammar);
  const table = kind === 'bucket' ? grammar.bucketActions : grammar.identityActions;
  const anyCase = kind === 'bucket' && grammar.bucketActionCase === 'any';
  const entries = anyCase ? written.map((entry) => knownName(entry, table)) : written;
  const before = issues.length;
  entries.forEach((entry, i) => {
    if (
      negated
        ? kind === 'bucket' || entry === '' || !mixes(entries, entry, grammar)
        : isKnown(entry, service, table, context)
    )
      return;
    const mixed = negated || (kind !== 'bucket' && isOfOtherService(entry, service, entries, grammar));
    const suggestion = mixed ? undefined : suggestedAction(entry, kind, grammar);
    issues.push({
      code: mixed ? 'MixedServices' : 'UnknownAction',
      path: `${path}.${element}[${i}]`,
      message: `${JSON.stringify(entry)} is not an action${service === 's3' ? '' : ` of ${service}`} here${mixed ? '; a statement names actions of one service' : suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  });
  if (issues.length > before) return undefined;
  const bucketScoped = service === 'admin' && coversBucketScoped(entries, grammar);
  return {
    entries,
    negated,
    service,
    resourceCounts: service === 's3' || service === 'kms' || bucketScoped,
    bucketScoped,
    classes: negated || kind !== 'bucket' ? [] : entries.map((entry) => classOf(entry, table)),
    admits: (key) => negated || entries.every((entry) => admitsKey(entry, service, table, key, grammar)),
  };
}

/** The known action that a name is but for its case; the name itself when there is none. */
function knownName(entry: string, table: ActionTable): string {
  if (Object.hasOwn(table, entry) || WILDCARD.test(entry)) return entry;
  const lower = entry.toLowerCase();
  return Object.keys(table).find((action) => action.toLowerCase() === lower) ?? entry;
}

/** The action that a name was likely meant to be. */
export function suggestedAction(entry: string, kind: Context['kind'], grammar: PathGrammar): string | undefined {
  const known = [
    ...Object.keys(kind === 'bucket' ? grammar.bucketActions : grammar.identityActions),
    ...grammar.adminActions,
    ...(grammar.services.has('sts') ? STS_ACTIONS : []),
    ...(grammar.services.has('kms') ? KMS_ACTIONS : []),
  ];
  const text = entry.includes(':') ? entry.trim() : `s3:${entry.trim()}`;
  return nearest(text, known);
}

function serviceOf(entries: readonly string[], grammar: PathGrammar): StatementService {
  if (entries.some((entry) => isAdminEntry(entry, grammar))) return 'admin';
  for (const service of ['sts', 'kms'] as const) {
    if (grammar.services.has(service) && entries.some((entry) => entry.startsWith(`${service}:`))) return service;
  }
  return 's3';
}

function isAdminEntry(entry: string, grammar: PathGrammar): boolean {
  if (entry === 'admin:*' || grammar.adminActions.has(entry)) return true;
  // A pattern of another service cannot match.
  if (!grammar.adminPatterns || !WILDCARD.test(entry) || /^(s3|sts|kms):/.test(entry)) return false;
  const pattern = compilePattern(entry, 'codePoint');
  return [...grammar.adminActions].some((action) => pattern.matches(action));
}

function isKnown(entry: string, service: StatementService, table: ActionTable, context: Context): boolean {
  const { grammar, kind } = context;
  if (kind === 'bucket') {
    return grammar.bucketActionNames === 'any' ? true : Object.hasOwn(table, entry);
  }
  switch (service) {
    case 'admin':
      return isAdminEntry(entry, grammar);
    case 'sts':
      return entry === 'sts:*' || STS_ACTIONS.includes(entry);
    case 'kms':
      return entry === 'kms:*' || KMS_ACTIONS.includes(entry);
    case 's3':
      return Object.hasOwn(table, entry) || (WILDCARD.test(entry) && matching(entry, table).length > 0);
  }
}

/** NotAction may name anything, of one service. */
function mixes(entries: readonly string[], entry: string, grammar: PathGrammar): boolean {
  return serviceOf([entry], grammar) !== serviceOf(entries, grammar);
}

/** Whether an entry speaks of another service than the rest; a name that no service has is unknown, and mixes nothing. */
function isOfOtherService(
  entry: string,
  service: StatementService,
  entries: readonly string[],
  grammar: PathGrammar,
): boolean {
  const own = /^(s3|admin|sts|kms):/.exec(entry)?.[1];
  if (own === undefined) return serviceOf([entry], grammar) !== service;
  // A statement is of S3 also when none of its entries says what else it is of.
  return own !== service && (service !== 's3' || entries.some((other) => !/^(admin|sts|kms):/.test(other)));
}

function matching(entry: string, table: ActionTable): string[] {
  const pattern = compilePattern(entry, 'codePoint');
  return Object.keys(table).filter((action) => pattern.matches(action));
}

function coversBucketScoped(entries: readonly string[], grammar: PathGrammar): boolean {
  if (!grammar.adminPatterns) return false;
  return entries.some((entry) => {
    const pattern = compilePattern(entry, 'codePoint');
    return BUCKET_SCOPED_ADMIN_ACTIONS.some((action) => pattern.matches(action));
  });
}

const OBJECT_ACTION =
  /^s3:(Abort|BypassGovernance|(Delete|Get|Put|Replicate|Restore|Update)Object|Replicate|ListMultipartUploadParts|ListObjectAnnotations|ResetBucketReplicationState)/;
const BUCKET_OBJECT_LOCK = /ObjectLockConfiguration$/;

/** A pattern is one of objects when it names any action of objects. */
function classOf(entry: string, table: ActionTable): 'object' | 'bucket' {
  const isOfObjects = (action: string): boolean => OBJECT_ACTION.test(action) && !BUCKET_OBJECT_LOCK.test(action);
  const named = WILDCARD.test(entry) ? matching(entry, table) : [entry];
  return named.some(isOfObjects) ? 'object' : 'bucket';
}

function admitsKey(
  entry: string,
  service: StatementService,
  table: ActionTable,
  key: string,
  grammar: PathGrammar,
): boolean {
  const name = grammar.keySuffixes ? (key.split('/', 1)[0] as string) : key;
  if (service === 'kms') return true;
  if (service === 'admin') {
    if (entry !== 'admin:*' && !grammar.adminActions.has(entry)) return false;
    return !grammar.adminActionsWithoutKeys.has(entry) && grammar.adminKeys.includes(name);
  }
  if (service === 'sts') return STS_KEYS.has(name);
  const actions = Object.hasOwn(table, entry) ? [entry] : matching(entry, table);
  if (actions.length === 0) return grammar.commonKeys.includes(name);
  return actions.some((action) => {
    const extra = table[action];
    return extra !== 'none' && (grammar.commonKeys.includes(name) || (extra ?? []).includes(name));
  });
}
