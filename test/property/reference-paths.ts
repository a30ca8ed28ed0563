// A second opinion: what policies mean, written to be read and for nothing else. No index, no compiled form, nothing of the engine's; each
// rule is the shortest text that says it. It knows the dialects juicefs, minio and portcullis, S3 actions, and documents that are valid.

import type { ReferenceOutcome } from './differential-pair.ts';
import { instant, ipv4, type Letter, letters, list, matchesLetters, related } from './reference-patterns.ts';

export type ReferenceDialect = 'juicefs' | 'minio' | 'portcullis';

export interface ReferenceQuestion {
  readonly dialect: ReferenceDialect;
  /** JSON texts. */
  readonly identity: readonly string[];
  readonly session: string | undefined;
  readonly bucketPolicy: string | undefined;
  /** '' for nobody. */
  readonly user: string;
  readonly action: string;
  readonly bucket: string;
  readonly object: string;
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: '*' | { readonly AWS: string | readonly string[] };
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | boolean | readonly string[]>>>>;
}

// ---------------------------------------------------------------- the decision

/** A whole request, decided. */
export function referenceDecision(asked: ReferenceQuestion): ReferenceOutcome {
  const version = asked.keys.get('s3:versionid')?.[0] ?? '';
  if (asked.dialect !== 'juicefs' && asked.action === 's3:DeleteObject' && version !== '') {
    // Deleting a version needs that nothing denies the deletion of versions.
    if (decide({ ...asked, action: 's3:DeleteObjectVersion' }) === 'ExplicitDeny') return 'ExplicitDeny';
  }
  if (asked.dialect === 'portcullis' && ['s3:DeleteObject', 's3:GetObject'].includes(asked.action) && version !== '') {
    // It is two requests in one: neither may be denied, and one must be allowed.
    const both = [decide(asked), decide({ ...asked, action: `${asked.action}Version` })];
    if (both.includes('ExplicitDeny')) return 'ExplicitDeny';
    return both.includes('Allow') ? 'Allow' : 'ImplicitDeny';
  }
  const outcome = decide(asked);
  // Who may list may list versions, unless those are denied.
  if (asked.action === 's3:ListBucketVersions' && outcome === 'ImplicitDeny') {
    return decide({ ...asked, action: 's3:ListBucket' });
  }
  return outcome;
}

function decide(asked: ReferenceQuestion): ReferenceOutcome {
  const { dialect, user } = asked;
  const bucket = statementsOf(asked.bucketPolicy).filter((one) => matches(one, asked, 'bucket'));
  if (user === '') {
    if (asked.bucket === '' || asked.action === 's3:ListAllMyBuckets') return 'ImplicitDeny';
    return conclude([bucket]);
  }
  const identity = asked.identity.flatMap(statementsOf).filter((one) => matches(one, asked, 'identity'));
  const session = statementsOf(asked.session).filter((one) => matches(one, asked, 'identity'));
  // A bucket's policy binds everyone, or (in the others) nobody but the anonymous.
  const granting = dialect === 'portcullis' && asked.bucket !== '' ? [...identity, ...bucket] : identity;
  return conclude(asked.session === undefined ? [granting] : [granting, session]);
}

/** Any Deny refuses; then every set must allow. */
function conclude(sets: readonly (readonly Statement[])[]): ReferenceOutcome {
  if (sets.flat().some(({ Effect }) => Effect === 'Deny')) return 'ExplicitDeny';
  return sets.every((set) => set.some(({ Effect }) => Effect === 'Allow')) ? 'Allow' : 'ImplicitDeny';
}

function statementsOf(document: string | undefined): readonly Statement[] {
  if (document === undefined) return [];
  const { Statement: written = [] } = JSON.parse(document);
  return Array.isArray(written) ? written : [written];
}

// ---------------------------------------------------------------- one statement

type Side = 'identity' | 'bucket';

function matches(statement: Statement, asked: ReferenceQuestion, side: Side): boolean {
  return (
    matchesPrincipal(statement, asked, side) &&
    matchesAction(statement, asked, side) &&
    matchesResource(statement, asked, side) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, key, list<string | boolean>(wanted), asked)),
    )
  );
}

function matchesPrincipal({ Principal }: Statement, { user, dialect }: ReferenceQuestion, side: Side): boolean {
  if (side === 'identity') return true;
  const names = typeof Principal === 'string' ? [Principal] : list(Principal?.AWS);
  return names.some((name) => wildcard(name, user, dialect));
}

function matchesAction(statement: Statement, { action, dialect }: ReferenceQuestion, side: Side): boolean {
  const entry = (pattern: string): boolean => {
    if (side === 'bucket' && dialect === 'juicefs') return pattern === action;
    // Reading versions is reading.
    if (pattern === 's3:GetObjectVersion' && action === 's3:GetObject') return true;
    return wildcard(pattern, action, dialect);
  };
  if (statement.NotAction !== undefined) return !list(statement.NotAction).some(entry);
  return list(statement.Action).some(entry);
}

function matchesResource(statement: Statement, asked: ReferenceQuestion, side: Side): boolean {
  const { bucket, object, dialect } = asked;
  const text = side === 'bucket' && object === '' ? bucket : `${bucket}${object.startsWith('/') ? '' : '/'}${object}`;
  const entry = (pattern: string): boolean => {
    const filled = substituted(withoutArn(pattern), asked);
    if (matchesPattern(filled, text, dialect)) return true;
    if (side === 'bucket' && dialect === 'juicefs') return false;
    // The path that it cleans to may be named outright.
    return cleaned(text) === filled.map(({ text: letter }) => letter).join('');
  };
  if (statement.NotResource !== undefined) return !list(statement.NotResource).some(entry);
  return list(statement.Resource).some(entry);
}

function withoutArn(pattern: string): string {
  const prefix = 'arn:aws:s3:::';
  if (pattern.startsWith(prefix)) return pattern.slice(prefix.length);
  return pattern.startsWith('*') && pattern.length > 1 ? pattern.slice(1) : pattern;
}

/** A path without `.`, `..`, double and trailing slashes. */
function cleaned(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== '..') parts.pop();
    else if (!path.startsWith('/')) parts.push('..');
  }
  const joined = parts.join('/');
  if (path.startsWith('/')) return `/${joined}`;
  return joined === '' ? '.' : joined;
}

// ---------------------------------------------------------------- patterns and variables

/** The letters of a pattern, `${key}` replaced by the key's first value. A key that is not there leaves the text as it is. */
function substituted(pattern: string, { keys, dialect }: ReferenceQuestion): Letter[] {
  const filled: Letter[] = [];
  for (const piece of pattern.split(/(\$\{[^}]*\})/)) {
    const value = VARIABLES.has(piece) ? keys.get(piece.slice(2, -1))?.[0] : undefined;
    if (value === undefined || value === '') filled.push(...letters(piece));
    else filled.push(...letters(value, dialect === 'portcullis'));
  }
  return filled;
}

const VARIABLES = new Set(
  ['aws:username', 'aws:userid', 'aws:SourceIp', 'aws:Referer', 'jwt:sub'].map((k) => `\${${k}}`),
);

function wildcard(pattern: string, text: string, dialect: ReferenceDialect): boolean {
  return matchesPattern(letters(pattern), text, dialect);
}

/** `?` is one code point (juicefs) or one byte. */
function matchesPattern(pattern: readonly Letter[], text: string, dialect: ReferenceDialect): boolean {
  if (dialect === 'juicefs') return matchesLetters(pattern, [...text]);
  const bytes = (of: string): readonly string[] => [...Buffer.from(of, 'utf8').toString('latin1')];
  return matchesLetters(
    pattern.flatMap(({ text: letter, plain }) => bytes(letter).map((unit) => ({ text: unit, plain }))),
    bytes(text),
  );
}

// ---------------------------------------------------------------- conditions

function holds(written: string, key: string, wanted: readonly (string | boolean)[], asked: ReferenceQuestion): boolean {
  const [, set = '', operator = ''] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/.exec(written) ?? [];
  const given = asked.keys.get(key) ?? [];
  if (operator === 'Null') return (given.length === 0) === (String(wanted[0]) === 'true');
  if (operator.startsWith('String')) return holdsText(operator, set, given, wanted.map(String), asked);
  if (operator.startsWith('Numeric')) return holdsOrder(operator.slice(7), given, wanted, asked.dialect, wholeNumber);
  if (operator.startsWith('Date')) {
    const read = asked.dialect === 'portcullis' ? instantOrShorter : instant;
    return holdsOrder(operator.slice(4), given, wanted, asked.dialect, read);
  }
  if (operator === 'Bool') return given[0] === String(wanted[0]);
  const lies =
    given.length > 0 && given.every(isAddress) && given.some((one) => wanted.some((b) => inBlock(one, String(b))));
  if (operator === 'IpAddress') return lies;
  if (operator === 'NotIpAddress') return !lies;
  throw new Error(`the reference does not know ${operator}`);
}

/** Also a day, and seconds since the epoch. */
function instantOrShorter(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  return instant(/^[\d-]{10}$/.test(text) ? `${text}T00:00:00Z` : text);
}

/** A negated operator is the exact opposite of the one that it negates, sets and absent keys included. */
function holdsText(
  operator: string,
  set: string,
  given: readonly string[],
  wanted: readonly string[],
  asked: ReferenceQuestion,
): boolean {
  const { dialect } = asked;
  const negated = operator.startsWith('StringNot');
  const same = (value: string): boolean =>
    wanted.some((one) => {
      const filled = substituted(one, asked);
      if (operator.endsWith('Like')) return matchesPattern(filled, value, dialect);
      const text = filled.map((letter) => letter.text).join('');
      return operator.endsWith('IgnoreCase') ? text.toLowerCase() === value.toLowerCase() : text === value;
    });
  const positive = set === 'ForAllValues' ? given.every(same) : given.some(same);
  return positive !== negated;
}

/** One value is compared. Without one, or with one that is none, only juicefs takes "not equal" for true. */
function holdsOrder(
  relation: string,
  given: readonly string[],
  wanted: readonly (string | boolean)[],
  dialect: ReferenceDialect,
  read: (text: string) => number | undefined,
): boolean {
  const value = given[0] === undefined ? undefined : read(given[0]);
  const limit = read(String(wanted[0]));
  if (limit === undefined) throw new Error('the reference was given a document that is not valid');
  if (value === undefined) return relation === 'NotEquals' && dialect === 'juicefs';
  return related(relation, value, limit);
}

function wholeNumber(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** Addresses of four parts, as numbers; IPv6 ones only where they stand for such a one. */
function address(text: string): number | undefined {
  return ipv4(text.toLowerCase().startsWith('::ffff:') ? text.slice('::ffff:'.length) : text);
}

function isAddress(text: string): boolean {
  return address(text) !== undefined;
}

function inBlock(text: string, block: string): boolean {
  const [host = '', mask = '32'] = block.split('/');
  // The first 96 bits of an IPv6 block only say that it stands for an IPv4 one.
  const size = 2 ** ((host.includes(':') ? 128 : 32) - Number(mask));
  const [given, start] = [address(text), address(host)];
  if (given === undefined || start === undefined) return false;
  return Math.floor(given / size) === Math.floor(start / size);
}
