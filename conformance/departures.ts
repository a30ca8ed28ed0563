// Whether a rule of departures.json says that the recorded answer of a vector is not the one to give. Pure: it looks at the vector's
// documents and request, and at the two answers.
import RULES from './departures.json' with { type: 'json' };

/** One reason to answer otherwise than recorded. */
export interface DepartureRule {
  readonly rule: string;
  readonly dialects: readonly string[];
  /** Families that it may apply to; a `*` at the end stands for any ending. */
  readonly families: readonly string[];
  /** Name of a predicate over the vector's documents and request; see PREDICATES. */
  readonly when: string;
  /** What becomes of the recorded answer: `refuses`: the answer given refuses; `differs`: it may also allow. */
  readonly direction: string;
  readonly reason: string;
}

/** What is looked at of a vector. */
export interface DepartingVector {
  readonly family: string;
  readonly dialects: readonly string[];
  readonly kind: string;
  readonly policies?: {
    readonly identity?: readonly unknown[];
    readonly session?: unknown;
    readonly bucket?: unknown;
    readonly boundary?: unknown;
  };
  readonly request?: { readonly action?: string };
  /** What is asked for, in vectors of HTTP requests. */
  readonly action?: string;
  readonly http?: { readonly query: string; readonly headers: Readonly<Record<string, readonly string[]>> };
  readonly claims?: Readonly<Record<string, unknown>>;
}

export const DEPARTURE_RULES: readonly DepartureRule[] = RULES;

/**
 * The rule that covers a difference in one dialect; undefined when none does. `wanted` and `got` are outcomes (`ALLOW`, `DENY`,
 * `EXPLICIT_DENY`, `ERROR`), or for vectors of kind `conditions` maps of flat key names to values.
 */
export function departureRule(
  vector: DepartingVector,
  dialect: string,
  wanted: unknown,
  got: unknown,
): DepartureRule | undefined {
  return DEPARTURE_RULES.find(
    (rule) =>
      rule.dialects.includes(dialect) &&
      rule.families.some((family) => matchesFamily(family, vector.family)) &&
      (rule.direction !== 'refuses' || (got !== 'ALLOW' && typeof got === 'string')) &&
      PREDICATES[rule.when]?.(vector, dialect, wanted, got) === true,
  );
}

function matchesFamily(pattern: string, family: string): boolean {
  return pattern.endsWith('*') ? family.startsWith(pattern.slice(0, -1)) : family === pattern;
}

type Predicate = (vector: DepartingVector, dialect: string, wanted: unknown, got: unknown) => boolean;

const PREDICATES: Readonly<Record<string, Predicate>> = {
  /** Some statement is lost by the recorded removal of duplicates, and the answers differ in what it says. */
  statementLost: (vector, dialect, _wanted, got) => {
    const lost = documentsOf(vector)
      .flatMap((documents) => lostStatements(documents, dialect))
      .filter((statement) => speaksOf(statement, actionsOf(vector)));
    if (got === 'ALLOW') return lost.some(({ Effect }) => Effect === 'Allow');
    return got === 'EXPLICIT_DENY' && lost.some(({ Effect }) => Effect === 'Deny');
  },
  /** Versions are asked for, and a statement denies them. */
  versionsDenied: ({ request, policies }, _dialect, _wanted, got) =>
    got === 'EXPLICIT_DENY' &&
    request?.action === 's3:ListBucketVersions' &&
    [...(policies?.identity ?? []), policies?.session, policies?.bucket]
      .flatMap(statementsOf)
      .some((statement) => statement.Effect === 'Deny' && speaksOf(statement, ['s3:ListBucketVersions'])),
  /** The request has a header, parameter or claim by the name of a key that it is not the source of; only such keys differ. */
  keyForged: ({ http, claims, policies }, _dialect, wanted, got) => {
    const forged = forgedNames(http, claims);
    if (forged.size === 0) return false;
    if (!isMap(wanted) || !isMap(got)) return [...forged].some((name) => mentionsKey(policies, name));
    return keyNames().every((name) => forged.has(name) || sameValues(recorded(wanted, name), got[name]));
  },
  /** The recorded engine gave up. */
  aborted: (_vector, _dialect, wanted) => wanted === 'ERROR',
};

// ---- duplicates

type Statement = Readonly<Record<string, unknown>>;

/** Documents that are read one by one, and merged: identity documents together. */
function documentsOf({ policies }: DepartingVector): readonly (readonly unknown[])[] {
  return [policies?.identity ?? [], [policies?.session], [policies?.bucket], [policies?.boundary]];
}

function statementsOf(document: unknown): readonly Statement[] {
  if (!isMap(document) || !Array.isArray(document.Statement)) return [];
  return document.Statement.filter(isMap);
}

/** What a statement is compared by: sets, without its Sid. */
function identityOf(statement: Statement, without?: string): string {
  const { Sid: _sid, ...elements } = statement;
  return canonical(Object.fromEntries(Object.entries(elements).filter(([name]) => name !== without)));
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    const items = [...new Set(value.map(canonical))].sort();
    return items.length === 1 ? (items[0] as string) : `[${items.join(',')}]`;
  }
  if (!isMap(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

/** The actions that statements are held against for a request: listing versions is listing, and deleting one is deleting. */
function actionsOf({ request, action = request?.action ?? '' }: DepartingVector): readonly string[] {
  const another = ALSO_ASKED.get(action);
  return another === undefined ? [action] : [action, another];
}

const ALSO_ASKED: ReadonlyMap<string, string> = new Map([
  ['s3:ListBucketVersions', 's3:ListBucket'],
  ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  ['s3:GetObject', 's3:GetObjectVersion'],
]);

/** Whether a statement may be about one of the actions. */
function speaksOf({ Action, NotAction }: Statement, actions: readonly string[]): boolean {
  if (NotAction !== undefined && Action === undefined) return true;
  const entries: readonly unknown[] = Array.isArray(Action) ? Action : [Action];
  return entries.some((entry) => typeof entry === 'string' && actions.some((action) => matchesAction(entry, action)));
}

/** Statements that the recorded engines drop though nothing equal is left. */
function lostStatements(documents: readonly unknown[], dialect: string): readonly Statement[] {
  if (dialect === 'juicefs') return documents.flatMap((document) => lostByPosition(statementsOf(document)));
  // Equal but for NotResource.
  const seen = new Map<string, Statement>();
  const lost: Statement[] = [];
  for (const statement of documents.flatMap(statementsOf)) {
    const id = identityOf(statement, 'NotResource');
    const known = seen.get(id);
    if (known === undefined) seen.set(id, statement);
    else if (identityOf(known) !== identityOf(statement)) lost.push(statement);
  }
  return lost;
}

/** The removal takes the statement at the distance of the pair less one, counted from the start of the list. */
function lostByPosition(statements: readonly Statement[]): readonly Statement[] {
  const left = [...statements];
  for (;;) {
    const ids = left.map((statement) => identityOf(statement));
    const first = ids.findIndex((id, i) => ids.indexOf(id, i + 1) !== -1);
    if (first === -1) break;
    left.splice(ids.indexOf(ids[first] as string, first + 1) - first - 1, 1);
  }
  const kept = new Set(left.map((statement) => identityOf(statement)));
  return statements.filter((statement) => !kept.has(identityOf(statement)));
}

// ---- keys

/** Keys that something else than a header, parameter or claim of their own name tells. */
const DERIVED_NAMES = [
  'CurrentTime',
  'EpochTime',
  'SecureTransport',
  'SourceIp',
  'UserAgent',
  'Referer',
  'principaltype',
  'userid',
  'username',
  'groups',
  'user',
  'versionid',
  'signatureversion',
  'authType',
  'signatureAge',
  'LocationConstraint',
  'object-lock-mode',
  'object-lock-legal-hold',
  'object-lock-retain-until-date',
  'object-lock-remaining-retention-days',
  'ExistingObjectTag',
  'RequestObjectTag',
  'RequestObjectTagKeys',
  'DurationSeconds',
];
const QUERY_NAMES = ['prefix', 'delimiter', 'max-keys'];
const CLAIM_NAMES = [
  'sub',
  'iss',
  'aud',
  'jti',
  'upn',
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'gender',
  'birthdate',
  'phone_number',
  'address',
  'scope',
  'client_id',
];

/** Whether a condition or a variable of the documents names a key, whatever its service. */
function mentionsKey(policies: DepartingVector['policies'], name: string): boolean {
  return JSON.stringify(policies ?? null).includes(`:${name}`);
}

/** The spelling of a name as a header: capitals after dashes, else small letters. */
function headerSpelling(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase());
}

/** Flat names of keys that the request would pass something else for. */
function forgedNames(http: DepartingVector['http'], claims: DepartingVector['claims']): ReadonlySet<string> {
  const headers = new Set(Object.keys(http?.headers ?? {}).map(headerSpelling));
  const parameters = new Set([...new URLSearchParams(http?.query ?? '').keys()]);
  const claimed = new Set(Object.keys(claims ?? {}));
  const forged = new Set<string>();
  for (const name of keyNames()) {
    const spelled = headerSpelling(name);
    const byHeader = headers.has(spelled) && name !== 'Referer';
    const byParameter = (parameters.has(name) && !QUERY_NAMES.includes(name)) || parameters.has(spelled);
    const byClaim = claimed.has(name) && !CLAIM_NAMES.includes(name);
    if (byHeader || byParameter || byClaim) forged.add(name);
  }
  return forged;
}

/** Flat names of the keys that a request may have. */
function keyNames(): readonly string[] {
  return [...DERIVED_NAMES, ...QUERY_NAMES, ...CLAIM_NAMES];
}

/** The recorded values of a key, which may stand under its spelling as a header. */
function recorded(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return values[headerSpelling(name)] ?? values[name];
}

/** `<now>` is any time. */
function sameValues(wanted: unknown, got: unknown): boolean {
  if (Array.isArray(wanted) && wanted[0] === '<now>') return wanted.length === 1 && Array.isArray(got);
  return valuesText(wanted) === valuesText(got);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key's values are a set: the same value twice is that value. */
function valuesText(values: unknown): string {
  return Array.isArray(values) ? JSON.stringify([...new Set(values)]) : 'absent';
}

/** Whether an action is one that a pattern means. The suite's own: what it holds an engine against is not that engine's. */
function matchesAction(pattern: string, action: string): boolean {
  // Places in the pattern that what was read of the action may have reached.
  let reached = new Set([0]);
  const pass = (): void => {
    for (const at of reached) if (pattern[at] === '*') reached.add(at + 1);
  };
  pass();
  for (const character of action) {
    const next = new Set<number>();
    for (const at of reached) {
      if (pattern[at] === '*') next.add(at);
      else if (pattern[at] === '?' || pattern[at] === character) next.add(at + 1);
    }
    reached = next;
    pass();
  }
  return reached.has(pattern.length);
}
