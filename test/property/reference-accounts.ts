// A second opinion on the dialect aws: policies of principals, boundaries, sessions and buckets between accounts, each rule in the shortest
// text that says it. Nothing of the engine's is used. It knows documents that are valid, and S3 ARNs.
import { decimal, instant, ipv4, type Letter, letters, list, matchesLetters, related } from './reference-patterns.ts';

export interface AccountQuestion {
  /** JSON texts. */
  readonly identity: readonly string[];
  readonly session: string | undefined;
  readonly boundary: string | undefined;
  readonly bucketPolicy: string | undefined;
  readonly principal: {
    readonly type: 'User' | 'AssumedRole' | 'FederatedUser' | 'Anonymous';
    readonly account: string;
    /** '' for nobody. */
    readonly arn: string;
  };
  readonly action: string;
  readonly resource: string;
  /** Whose bucket it is. */
  readonly owner: string;
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

type Wanted = string | number | boolean;

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: '*' | { readonly AWS: string | readonly string[] };
  readonly NotPrincipal?: { readonly AWS: string | readonly string[] };
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Wanted | readonly Wanted[]>>>>;
}

/** How a bucket's policy names somebody. */
type Named = 'not' | 'by account' | 'by role' | 'by name';

export function accountDecision(asked: AccountQuestion): 'Allow' | 'ExplicitDeny' | 'ImplicitDeny' {
  const { principal } = asked;
  const said = (document: string | undefined): readonly Statement[] =>
    document === undefined ? [] : (JSON.parse(document).Statement as Statement[]).filter((one) => matches(one, asked));
  const ofBucket = said(asked.bucketPolicy).filter((one) => named(one, asked) !== 'not');
  const anonymous = principal.type === 'Anonymous';
  const ofPrincipal = anonymous
    ? []
    : [asked.identity.flatMap(said), ...[asked.session, asked.boundary].filter((one) => one !== undefined).map(said)];
  if ([...ofPrincipal.flat(), ...ofBucket].some(({ Effect }) => Effect === 'Deny')) return 'ExplicitDeny';
  const allows = (statements: readonly Statement[]): boolean => statements.some(({ Effect }) => Effect === 'Allow');
  if (anonymous) return allows(ofBucket) ? 'Allow' : 'ImplicitDeny';

  const names = ofBucket.filter(({ Effect }) => Effect === 'Allow').map((one) => named(one, asked));
  const identity = allows(asked.identity.flatMap(said));
  const session = asked.session === undefined || allows(said(asked.session));
  const boundary = asked.boundary === undefined || allows(said(asked.boundary));
  if (asked.owner !== principal.account) {
    return identity && names.length > 0 && session && boundary ? 'Allow' : 'ImplicitDeny';
  }
  const byName = names.includes('by name');
  const granted = identity || byName || names.includes('by role');
  return granted && session && (boundary || byName) ? 'Allow' : 'ImplicitDeny';
}

function named({ Principal, NotPrincipal }: Statement, asked: AccountQuestion): Named {
  const ways = (written: Statement['Principal']): readonly Named[] =>
    (written === '*' ? ['*'] : list(written?.AWS)).map((entry) => namedBy(entry, asked.principal));
  if (NotPrincipal !== undefined) return ways(NotPrincipal).every((way) => way === 'not') ? 'by name' : 'not';
  const found = ways(Principal);
  return (['by name', 'by role', 'by account'] as const).find((way) => found.includes(way)) ?? 'not';
}

function namedBy(entry: string, { type, account, arn }: AccountQuestion['principal']): Named {
  if (entry === '*') return 'by name';
  if (type === 'Anonymous') return 'not';
  if (entry === arn) return 'by name';
  if (entry === account || entry === `arn:aws:iam::${account}:root`) return 'by account';
  // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
  const [, role] = arn.split('/');
  return type === 'AssumedRole' && entry === `arn:aws:iam::${account}:role/${role}` ? 'by role' : 'not';
}

function matches(statement: Statement, asked: AccountQuestion): boolean {
  const action = (entry: string): boolean =>
    matchesLetters(letters(entry.toLowerCase()), [...asked.action.toLowerCase()]);
  const resource = (entry: string): boolean => matchesArn(entry, asked.resource, asked) === true;
  const { Action, NotAction, Resource, NotResource } = statement;
  return (
    (NotAction === undefined ? list(Action).some(action) : !list(NotAction).some(action)) &&
    (NotResource === undefined ? list(Resource).some(resource) : !list(NotResource).some(resource)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, key, list(wanted), asked)),
    )
  );
}

/** Section by section: a wildcard does not cross a colon, but in the last one. Undefined: a variable cannot be filled in. */
function matchesArn(pattern: string, text: string, asked: AccountQuestion): boolean | undefined {
  if (pattern === '*') return true;
  const [wanted, given] = [sections(pattern), sections(text)];
  const filled = wanted.map((section) => substituted(section, asked, true));
  if (filled.includes(undefined)) return undefined;
  return (
    wanted.length === given.length &&
    filled.every((section, i) => section !== undefined && matchesLetters(section, [...(given[i] ?? '')]))
  );
}

function sections(arn: string): readonly string[] {
  const parts = arn.split(/:(?![^{]*\})/);
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

/** `${key}` is the key's one value, as plain text; undefined when there is none, or several, and no default is given. */
function substituted(text: string, { keys }: AccountQuestion, wildcards: boolean): Letter[] | undefined {
  const filled: Letter[] = [];
  for (const piece of text.split(/(\$\{[^}]*\})/)) {
    const inside = piece.startsWith('${') ? piece.slice(2, -1) : undefined;
    if (inside === undefined) filled.push(...letters(piece));
    else if (inside === '*' || inside === '?' || inside === '$') {
      // Escapes are for patterns; elsewhere they are text.
      filled.push(...(wildcards ? letters(inside, true) : letters(piece)));
    } else {
      const [, name = inside, fallback] = /^(.*?), *'(.*)'$/.exec(inside) ?? [];
      const values = valuesOf(name, keys);
      const value = values.length === 0 ? fallback : values.length === 1 ? values[0] : undefined;
      if (value === undefined) return undefined;
      filled.push(...letters(value, true));
    }
  }
  return filled;
}

function valuesOf(key: string, keys: AccountQuestion['keys']): readonly string[] {
  return [...keys].find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1] ?? [];
}

function holds(written: string, key: string, wanted: readonly Wanted[], asked: AccountQuestion): boolean {
  const [, set, bare = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(written) ?? [];
  const given = valuesOf(key, asked.keys);
  if (bare === 'Null') return wanted.map(String).includes(String(given.length === 0));
  const negated = bare.includes('Not');
  if (given.length === 0) return set === 'ForAllValues' || (set === undefined && (negated || ifExists !== undefined));
  /** Whether a value is one of the wanted; undefined when that cannot be told. */
  const listed = (value: string): boolean | undefined => {
    const each = wanted.map((one) => satisfies(bare.replace('Not', ''), String(one), value, asked));
    return each.includes(true) ? true : each.includes(undefined) ? undefined : false;
  };
  const answers = given.map(listed);
  if (set === 'ForAllValues') return answers.every((answer) => answer === !negated);
  if (set === 'ForAnyValue') return answers.some((answer) => answer === !negated);
  return negated ? answers.every((answer) => answer === false) : answers.includes(true);
}

/** A positive operator on one value of the policy and one of the request; undefined where the values cannot be compared. */
function satisfies(operator: string, wanted: string, value: string, asked: AccountQuestion): boolean | undefined {
  if (operator === 'ArnEquals' || operator === 'ArnLike') return matchesArn(wanted, value, asked);
  if (operator === 'Bool') return truth(wanted) !== undefined && truth(wanted) === truth(value);
  if (operator === 'IpAddress') return inBlock(value, wanted);
  if (operator.startsWith('String')) {
    const filled = substituted(wanted, asked, operator === 'StringLike');
    if (filled === undefined) return undefined;
    if (operator === 'StringLike') return matchesLetters(filled, [...value]);
    const text = filled.map((letter) => letter.text).join('');
    return operator.endsWith('IgnoreCase') ? text.toLowerCase() === value.toLowerCase() : text === value;
  }
  const read = operator.startsWith('Date') ? instant : decimal;
  const [left, right] = [read(value), read(wanted)];
  // What is no number is not unlike a number either.
  if (left === undefined || right === undefined) return undefined;
  return related(operator.replace(/^(Date|Numeric)/, ''), left, right);
}

function truth(text: string): boolean | undefined {
  return { true: true, false: false }[text.toLowerCase()];
}

function inBlock(text: string, block: string): boolean {
  const [host = '', mask = '32'] = block.split('/');
  const [given, start] = [ipv4(text), ipv4(host)];
  const size = 2 ** (32 - Number(mask));
  return given !== undefined && start !== undefined && Math.floor(given / size) === Math.floor(start / size);
}
