// A second opinion on the dialect ceph: documents of tenants, each rule in the shortest text that says it. Nothing of the engine's is used.
// It knows documents that are valid.
import { decimal, instant, ipv4, letters, list, matchesLetters, related } from './reference-patterns.ts';

export interface TenantQuestion {
  /** Who owns the document. */
  readonly tenant: string;
  /** The JSON text. */
  readonly document: string;
  readonly kind: 'identity' | 'bucket';
  readonly principal: {
    readonly type: 'None' | 'Tenant' | 'User' | 'AssumedRole' | 'FederatedUser' | 'Anonymous';
    readonly account: string;
    /** `name` or `name:subuser`; `role/session` of a role; the provider of a federated user. */
    readonly user: string;
  };
  readonly action: string;
  readonly resource: string;
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

type Wanted = string | number;
type Principals = '*' | Readonly<Record<string, string | readonly string[]>>;

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: Principals;
  readonly NotPrincipal?: Principals;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Wanted | readonly Wanted[]>>>>;
}

export function tenantDecision(asked: TenantQuestion): 'Allow' | 'ExplicitDeny' | 'ImplicitDeny' {
  const matching = list(JSON.parse(asked.document).Statement as Statement | Statement[]).filter((one) =>
    matches(one, asked),
  );
  if (matching.some(({ Effect }) => Effect === 'Deny')) return 'ExplicitDeny';
  return matching.length > 0 ? 'Allow' : 'ImplicitDeny';
}

function matches(statement: Statement, asked: TenantQuestion): boolean {
  return (
    (asked.kind === 'identity' || matchesPrincipal(statement, asked)) &&
    matchesAction(statement, asked.action) &&
    matchesResource(statement, asked) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, asked.keys.get(key) ?? [], list(wanted), asked)),
    )
  );
}

function matchesPrincipal({ Principal, NotPrincipal }: Statement, { principal }: TenantQuestion): boolean {
  if (principal.type === 'None') return true;
  if (Principal === undefined && NotPrincipal === undefined) return false;
  const among = (written: Principals): boolean =>
    typeof written === 'string' ||
    Object.values(written)
      .flatMap(list)
      .some((entry) => isNamed(entry, principal));
  return (Principal === undefined || among(Principal)) && (NotPrincipal === undefined || !among(NotPrincipal));
}

function isNamed(entry: string, { type, account, user }: TenantQuestion['principal']): boolean {
  if (entry === '*') return true;
  if (type === 'Anonymous') return false;
  if (entry === account || entry === `arn:aws:iam::${account}:root`) return true;
  const arn = (service: string, name: string): boolean => entry === `arn:aws:${service}::${account}:${name}`;
  switch (type) {
    case 'User': {
      // A user's own name covers its subusers, `name:*` too; a subuser's name covers that one alone.
      const [name] = user.split(':');
      return arn('iam', `user/${name}`) || arn('iam', `user/${name}:*`) || arn('iam', `user/${user}`);
    }
    case 'AssumedRole':
      return arn('iam', `role/${user.split('/')[0]}`) || arn('sts', `assumed-role/${user}`);
    case 'FederatedUser':
      return entry.endsWith(`:oidc-provider/${user}`);
    default:
      return false;
  }
}

function matchesAction({ Action, NotAction }: Statement, action: string): boolean {
  const entry = (pattern: string): boolean => {
    if (pattern.startsWith('*')) return true;
    const [wanted, given] = [pattern.toLowerCase().split(':'), action.toLowerCase().split(':')];
    return (
      wanted.length === given.length &&
      wanted.every((section, i) => matchesLetters(letters(section), [...(given[i] ?? '')]))
    );
  };
  // What Action names, without what NotAction names.
  return list(Action).some(entry) && !list(NotAction).some(entry);
}

function matchesResource({ Resource, NotResource }: Statement, { tenant, resource }: TenantQuestion): boolean {
  const entry = (pattern: string): boolean => {
    const wanted = pattern === '*' ? ['arn', '*', '*', '*', '', '*'] : sections(pattern);
    // Documents speak of their own tenant's resources.
    wanted[4] = tenant;
    const given = sections(resource);
    return (
      wanted.length === given.length &&
      wanted.every((section, i) => matchesLetters(letters(section), [...(given[i] ?? '')]))
    );
  };
  return Resource === undefined ? !list(NotResource).some(entry) : list(Resource).some(entry);
}

function sections(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

function holds(written: string, given: readonly string[], wanted: readonly Wanted[], asked: TenantQuestion): boolean {
  const [, set, operator = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/.exec(written) ?? [];
  if (operator === 'Null') return given.length === 0;
  if (given.length === 0) return set === 'ForAllValues' || ifExists !== undefined;
  const first = given[0] ?? '';
  const texts = wanted.flatMap((one) => filled(String(one), asked));
  if (operator.startsWith('String') || operator.startsWith('Arn')) {
    const negated = operator.includes('Not');
    const test = (value: string): boolean =>
      texts.some((text) => same(operator.replace('Not', ''), text, value) !== negated);
    return set === 'ForAllValues' ? given.every(test) : given.some(test);
  }
  if (operator === 'Bool') return texts.some((text) => truth(text) === truth(first));
  if (operator === 'IpAddress') return block(first) !== undefined && texts.some((text) => overlap(first, text));
  if (operator === 'NotIpAddress') return block(first) !== undefined && !texts.some((text) => overlap(first, text));
  const read = operator.startsWith('Date') ? instant : decimal;
  const value = read(first);
  return texts.some((text) => {
    const limit = read(text);
    return value !== undefined && limit !== undefined && related(operator.replace(/^(Date|Numeric)/, ''), value, limit);
  });
}

/** A value that is one whole variable stands for all values of its key. */
function filled(text: string, { keys }: TenantQuestion): readonly string[] {
  return text.startsWith('${') ? (keys.get(text.slice(2, -1)) ?? []) : [text];
}

function same(operator: string, wanted: string, value: string): boolean {
  switch (operator) {
    case 'StringEquals':
      return wanted === value;
    case 'StringEqualsIgnoreCase':
      return wanted.toLowerCase() === value.toLowerCase();
    case 'StringLike':
      return matchesLetters(letters(wanted), [...value]);
    default: {
      const [pattern, given] = [sections(wanted), sections(value)];
      return (
        pattern.length === given.length &&
        pattern.every((section, i) => matchesLetters(letters(section), [...(given[i] ?? '')]))
      );
    }
  }
}

/** All is true but nothing, `false` and zero. */
function truth(text: string): boolean {
  return !['', 'false', '0'].includes(text.toLowerCase());
}

/** An address, or a block of them. */
function block(text: string): { readonly start: number; readonly bits: number } | undefined {
  const [host = '', mask = '32'] = text.split('/');
  const start = ipv4(host);
  return start === undefined || !/^\d+$/.test(mask) || Number(mask) > 32 ? undefined : { start, bits: Number(mask) };
}

/** Two blocks are the same as far as the shorter mask tells. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [block(one), block(other)];
  if (a === undefined || b === undefined) return false;
  const size = 2 ** (32 - Math.min(a.bits, b.bits));
  return Math.floor(a.start / size) === Math.floor(b.start / size);
}
