// What requests are tried: actions, resources and principals that the documents tell apart.
import type { DialectName, PolicyKind } from '../policy/index.ts';
import { commonTexts, FRESH, matchingTexts, withVariables } from './pattern-texts.ts';
import type { WrittenStatement } from './written-policy.ts';

export interface CandidateResource {
  readonly bucket: string;
  readonly object: string;
  readonly arn: string;
}

export interface CandidatePrincipal {
  readonly type: 'User' | 'AssumedRole' | 'FederatedUser' | 'Anonymous' | 'Tenant';
  readonly user: string;
  readonly account: string;
  readonly arn: string;
}

/** Who asks, where a document does not say whom it speaks of. */
const SOMEBODY = 'alice';
/** Names of users out of conditions. */
const MAX_NAMES = 6;
const ACCOUNT = '111111111111';
const OTHER_ACCOUNT = '999999999999';

interface ArnPattern {
  /** "arn:aws:s3:::" */
  readonly head: string;
  readonly path: string;
}

const DEFAULT_HEAD = 'arn:aws:s3:::';

function arnPattern(pattern: string): ArnPattern {
  const sections = pattern.split(':');
  if (sections[0] !== 'arn' || sections.length < 6) return { head: DEFAULT_HEAD, path: pattern };
  const head = sections.slice(0, 5).map((section) => section.replace(/[*?]/g, ''));
  return { head: `${head.join(':')}:`, path: sections.slice(5).join(':') };
}

export interface ResourceSearch {
  /** What a variable stands for. */
  variableValue(key: string): string | undefined;
  /** All entries of NotResource: what one document excepts is what the other speaks of. */
  readonly excepted: readonly string[];
  /** The owner of resources that name none. */
  readonly tenant: string | undefined;
}

/** Resources that a statement speaks of, the ones that a second statement speaks of as well first, and some that it does not. */
export function candidateResources(
  statement: WrittenStatement,
  other: WrittenStatement | undefined,
  { variableValue, excepted, tenant = '' }: ResourceSearch,
): CandidateResource[] {
  const read = (patterns: readonly string[]): ArnPattern[] =>
    patterns.map((pattern) => {
      const { head, path } = arnPattern(pattern);
      return { head: head.replace(/::$/, `:${tenant}:`), path: withVariables(path, variableValue) };
    });
  const own = read(statement.resources);
  const texts: [string, string][] = [];
  const theirs = other === undefined || other.negatedResources ? [] : read(other.resources);
  if (!statement.negatedResources) {
    for (const { head, path } of own) for (const b of theirs) texts.push(...commonTexts(path, b.path).map(with_(head)));
    for (const { head, path } of own) texts.push(...matchingTexts(path).map(with_(head)));
  }
  if (own.length === 0 || statement.negatedResources) {
    for (const { head, path } of theirs) texts.push(...matchingTexts(path).map(with_(head)));
    for (const { head, path } of read(excepted)) texts.push(...matchingTexts(path).map(with_(head)));
    const head = own[0]?.head ?? DEFAULT_HEAD;
    texts.push([head, FRESH], [head, `${FRESH}/${FRESH}`], [head, '']);
  }
  const seen = new Set<string>();
  const found: CandidateResource[] = [];
  for (const [head, path] of texts) {
    if (seen.has(head + path)) continue;
    seen.add(head + path);
    found.push(resourceOf(head, path));
  }
  return found;
}

const with_ =
  (head: string) =>
  (path: string): [string, string] => [head, path];

function resourceOf(head: string, path: string): CandidateResource {
  const slash = path.indexOf('/');
  const bucket = slash < 0 ? path : path.slice(0, slash);
  return { bucket, object: slash < 0 ? '' : path.slice(slash + 1), arn: head + path };
}

/** Whom the documents tell apart. */
export function candidatePrincipals(
  statements: readonly WrittenStatement[],
  kind: PolicyKind,
  dialect: DialectName,
): CandidatePrincipal[] {
  const somebody = user(SOMEBODY, ACCOUNT);
  if (kind !== 'bucket') {
    // Names matter where a document speaks of them.
    const byName = statements.flatMap(({ conditions }) => conditions).filter(({ key }) => key === 'aws:username');
    const names = byName.flatMap(({ values }) => values.flatMap(matchingTexts)).slice(0, MAX_NAMES);
    const mentioned = byName.length > 0 ? [FRESH, ...names].map((name) => user(name, ACCOUNT)) : [];
    return [somebody, ...mentioned.filter((one) => one.user !== SOMEBODY)];
  }
  const named = statements.flatMap(({ principals }) => principals ?? []).flatMap((text) => principalsOf(text, dialect));
  const anonymous: CandidatePrincipal = { type: 'Anonymous', user: '', account: '', arn: '' };
  const all = [...named, user(FRESH, ACCOUNT), user(FRESH, OTHER_ACCOUNT), somebody, anonymous];
  return [...new Map(all.map((one) => [`${one.type} ${one.account} ${one.user} ${one.arn}`, one])).values()];
}

function user(name: string, account: string): CandidatePrincipal {
  return { type: 'User', user: name, account, arn: `arn:aws:iam::${account}:user/${name}` };
}

function principalsOf(text: string, dialect: DialectName): CandidatePrincipal[] {
  if (text === '*') return [];
  const arn = /^arn:[^:]*:(iam|sts)::([^:]*):(.*)$/.exec(text);
  if (arn === null) {
    if (/^\d{12}$/.test(text) || dialect === 'ceph') return [user(SOMEBODY, text), tenant(text)];
    return matchingTexts(text).map((name) => user(name, ACCOUNT));
  }
  const [, service, account = '', path = ''] = arn;
  if (path === 'root') return [user(SOMEBODY, account), tenant(account)];
  return matchingTexts(path).flatMap((concrete): CandidatePrincipal[] => {
    const name = concrete.slice(concrete.indexOf('/') + 1);
    const full = `arn:aws:${service}::${account}:${concrete}`;
    if (concrete.startsWith('user/')) return [{ ...user(name, account), arn: full }, user(name, '')];
    if (concrete.startsWith('role/')) {
      const session = `arn:aws:sts::${account}:assumed-role/${name}/${FRESH}`;
      return [{ type: 'AssumedRole', user: `${name}/${FRESH}`, account, arn: session }];
    }
    return [
      {
        type: service === 'sts' && concrete.startsWith('federated') ? 'FederatedUser' : 'AssumedRole',
        user: name,
        account,
        arn: full,
      },
    ];
  });
}

function tenant(account: string): CandidatePrincipal {
  return { type: 'Tenant', user: '', account, arn: `arn:aws:iam::${account}:root` };
}
