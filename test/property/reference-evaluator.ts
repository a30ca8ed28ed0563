// A second opinion: what policies mean, written to be read and for nothing else. No index, no compiled form, nothing of the engine's; each
// rule is the shortest text that says it. It knows the dialects juicefs, minio and portcullis, S3 actions, and documents that are valid.

export type ReferenceDialect = 'juicefs' | 'minio' | 'portcullis';
export type ReferenceOutcome = 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';

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

const list = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

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
    const letters = substituted(withoutArn(pattern), asked);
    if (matchesLetters(letters, text, dialect)) return true;
    if (side === 'bucket' && dialect === 'juicefs') return false;
    // The path that it cleans to may be named outright.
    return cleaned(text) === letters.map(({ text: letter }) => letter).join('');
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

/** One letter of a pattern; a plain one stands for itself even if it is a star. */
interface Letter {
  readonly text: string;
  readonly plain: boolean;
}

/** The letters of a pattern, `${key}` replaced by the key's first value. A key that is not there leaves the text as it is. */
function substituted(pattern: string, { keys, dialect }: ReferenceQuestion): Letter[] {
  const letters: Letter[] = [];
  const add = (text: string, plain: boolean): void => {
    for (const letter of text) letters.push({ text: letter, plain });
  };
  for (const piece of pattern.split(/(\$\{[^}]*\})/)) {
    const value = VARIABLES.has(piece) ? keys.get(piece.slice(2, -1))?.[0] : undefined;
    if (value === undefined || value === '') add(piece, false);
    else add(value, dialect === 'portcullis');
  }
  return letters;
}

const VARIABLES = new Set(
  ['aws:username', 'aws:userid', 'aws:SourceIp', 'aws:Referer', 'jwt:sub'].map((k) => `\${${k}}`),
);

function wildcard(pattern: string, text: string, dialect: ReferenceDialect): boolean {
  return matchesLetters(
    [...pattern].map((letter) => ({ text: letter, plain: false })),
    text,
    dialect,
  );
}

/** `*` is any run, `?` one code point (juicefs) or one byte. */
function matchesLetters(pattern: readonly Letter[], text: string, dialect: ReferenceDialect): boolean {
  const units = dialect === 'juicefs' ? [...text] : [...Buffer.from(text, 'utf8').toString('latin1')];
  const wanted = pattern.flatMap((letter) =>
    dialect === 'juicefs'
      ? [letter]
      : [...Buffer.from(letter.text).toString('latin1')].map((unit) => ({ ...letter, text: unit })),
  );
  // reachable[i]: the pattern so far can match the first i units.
  let reachable = [true, ...units.map(() => false)];
  for (const { text: letter, plain } of wanted) {
    if (!plain && letter === '*') {
      const first = reachable.indexOf(true);
      reachable = reachable.map((_, i) => first >= 0 && i >= first);
    } else {
      reachable = [
        false,
        ...units.map((unit, i) => reachable[i] === true && ((!plain && letter === '?') || unit === letter)),
      ];
    }
  }
  return reachable[units.length] === true;
}

// ---------------------------------------------------------------- conditions

function holds(written: string, key: string, wanted: readonly (string | boolean)[], asked: ReferenceQuestion): boolean {
  const [, set = '', operator = ''] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/.exec(written) ?? [];
  const given = asked.keys.get(key) ?? [];
  if (operator === 'Null') return (given.length === 0) === (String(wanted[0]) === 'true');
  if (operator.startsWith('String')) return holdsText(operator, set, given, wanted.map(String), asked);
  if (operator.startsWith('Numeric')) return holdsOrder(operator.slice(7), given, wanted, asked.dialect, wholeNumber);
  if (operator.startsWith('Date')) return holdsOrder(operator.slice(4), given, wanted, asked.dialect, instant);
  if (operator === 'Bool') return given[0] === String(wanted[0]);
  const lies =
    given.length > 0 && given.every(isAddress) && given.some((one) => wanted.some((b) => inBlock(one, String(b))));
  if (operator === 'IpAddress') return lies;
  if (operator === 'NotIpAddress') return !lies;
  throw new Error(`the reference does not know ${operator}`);
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
      const letters = substituted(one, asked);
      if (operator.endsWith('Like')) return matchesLetters(letters, value, dialect);
      const text = letters.map((letter) => letter.text).join('');
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
  switch (relation) {
    case 'Equals':
      return value === limit;
    case 'NotEquals':
      return value !== limit;
    case 'LessThan':
      return value < limit;
    case 'LessThanEquals':
      return value <= limit;
    case 'GreaterThan':
      return value > limit;
    case 'GreaterThanEquals':
      return value >= limit;
    default:
      throw new Error(`the reference does not know ${relation}`);
  }
}

function wholeNumber(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** RFC 3339, in milliseconds. */
function instant(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const days = [
    31,
    year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
  ];
  if (month < 1 || month > 12 || day < 1 || day > (days[month - 1] ?? 0)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = (parts[8] === '-' ? -1 : 1) * (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second);
  return utc + Number(`0${parts[7] ?? ''}`) * 1000 - offset * 60_000;
}

/** Addresses of four parts, as numbers; IPv6 ones only where they stand for such a one. */
function address(text: string): number | undefined {
  const bare = text.toLowerCase().startsWith('::ffff:') ? text.slice('::ffff:'.length) : text;
  const parts = bare.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
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
