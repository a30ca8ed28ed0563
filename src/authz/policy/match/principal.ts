// Principal and NotPrincipal of a bucket policy against the requester, compiled. A dialect goes by access keys, by the principals of
// accounts, or by the users of tenants.
import type { RequestPrincipal } from '../request.ts';
import { matchesWildcard, type QuestionMark } from './wildcard.ts';

/** How strongly a statement names the requester: the strongest counts where accounts meet. */
export const NAMING = { none: 0, account: 1, role: 2, principal: 3 } as const;
export type Naming = (typeof NAMING)[keyof typeof NAMING];

export interface PrincipalTest {
  /** As written. */
  readonly wanted: readonly string[];
  readonly negated: boolean;
  /** It can answer 'fault'. */
  readonly mayFault: boolean;
  /** 'fault': it cannot be told, which refuses. */
  naming(principal: RequestPrincipal): Naming | 'fault';
}

/** What a question mark does in an access key's pattern when the name is used up. */
export type NameUsedUp = 'matches' | 'fault';

/** Entries are patterns over the access key ('' = anonymous), and with `arns` also ARNs of users and sessions. */
export function accessKeyPrincipals(
  entries: readonly string[],
  { arns, nameUsedUp, questionMark }: { arns: boolean; nameUsedUp: NameUsedUp; questionMark: QuestionMark },
): PrincipalTest {
  return {
    wanted: entries,
    negated: false,
    mayFault: nameUsedUp === 'fault' && entries.some((entry) => entry.includes('?')),
    naming(principal) {
      let fault = false;
      for (const entry of entries) {
        const match = matchesName(entry, principal.user, nameUsedUp, questionMark);
        if (match === 'fault') fault = true;
        else if (match || (arns && isPrincipalArn(entry, principal))) return NAMING.principal;
      }
      return fault ? 'fault' : NAMING.none;
    },
  };
}

function matchesName(entry: string, name: string, usedUp: NameUsedUp, questionMark: QuestionMark): boolean | 'fault' {
  if (entry === '*') return true;
  if (!entry.includes('?')) return matchesWildcard(entry, name, questionMark);
  const points = codePoints(name);
  const pattern = codePoints(entry);
  if (pattern.length + points.length > MAX_NAME_STEPS) return matchesWildcard(entry, name, questionMark);
  // What the pattern from `p` on says of the name from `n` on, for every n: filled from the pattern's end, one step a place.
  let rest = new Uint8Array(points.length + 1);
  let here = new Uint8Array(points.length + 1);
  rest[points.length] = MATCH;
  for (let p = pattern.length - 1; p >= 0; p--) {
    const sign = pattern[p];
    if (sign === STAR) {
      // The order of trying is that of the recorded engines: a star is empty first.
      let later = NO_MATCH;
      for (let n = points.length; n >= 0; n--) {
        later = (rest[n] as number) || later;
        here[n] = later;
      }
    } else {
      here[points.length] = sign === QUESTION ? USED_UP[usedUp] : NO_MATCH;
      for (let n = points.length - 1; n >= 0; n--) {
        here[n] = sign === QUESTION || sign === points[n] ? (rest[n + 1] as number) : NO_MATCH;
      }
    }
    [rest, here] = [here, rest];
  }
  const said = rest[0];
  return said === FAULT ? 'fault' : said === MATCH;
}

function codePoints(text: string): Uint32Array {
  return Uint32Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

const STAR = 42;
const QUESTION = 63;
const NO_MATCH = 0;
const MATCH = 1;
const FAULT = 2;
const USED_UP: Readonly<Record<NameUsedUp, number>> = { matches: MATCH, fault: FAULT };

/** Longer names and patterns are matched without the recorded engines' particularity. */
const MAX_NAME_STEPS = 2_000;

/** Whether an entry is an ARN of something that no requester is known by. */
export function namesNobody(entry: string, arns: boolean): boolean {
  if (!entry.startsWith('arn:')) return false;
  const arn = arns ? PRINCIPAL_ARN.exec(entry) : null;
  return arn === null || (arn[1] === 'iam' && !/^(?:root|user\/[^*?]+)$/.test(arn[3] ?? ''));
}

const PRINCIPAL_ARN = /^arn:aws:(iam|sts)::([^:]*):(.+)$/;

/** The ARN of a user (also for its service accounts and sessions), of one session, or of a whole account; the account may be left open. */
function isPrincipalArn(entry: string, principal: RequestPrincipal): boolean {
  if (principal.user === '') return false;
  const arn = PRINCIPAL_ARN.exec(entry);
  if (arn === null) return false;
  const [, service, account = '', name] = arn;
  if (account !== '' && account !== '*' && account !== principal.account) return false;
  // RGW's page on bucket policies: a grant to an account is one to all users of it
  if (service === 'iam') return name === 'root' || name === `user/${principal.user}`;
  return principal.arn === `arn:aws:sts::${principal.account}:${name}`;
}

const ROOT_ARN = /^arn:[^:]*:iam::(\d{12}):root$/;
const ACCOUNT_ID = /^\d{12}$/;
const ROLE_ARN = /^arn:[^:]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;
const ROLE_SESSION_ARN = /^arn:[^:]*:sts::(\d{12}):assumed-role\/([^/]+)\/[^/]+$/;

/** Entries are `*`, accounts, and ARNs of users, roles and sessions. */
export function accountPrincipals(entries: readonly string[], negated: boolean): PrincipalTest {
  const listed = (principal: RequestPrincipal): Naming => {
    let best: Naming = NAMING.none;
    for (const entry of entries) {
      const naming = accountNaming(entry, principal);
      if (naming > best) best = naming;
    }
    return best;
  };
  return {
    wanted: entries,
    negated,
    mayFault: false,
    naming: (principal) =>
      negated ? (listed(principal) === NAMING.none ? NAMING.principal : NAMING.none) : listed(principal),
  };
}

function accountNaming(entry: string, principal: RequestPrincipal): Naming {
  if (entry === '*') return NAMING.principal;
  if (principal.type === 'Anonymous') return NAMING.none;
  if (principal.arn !== undefined && entry === principal.arn) return NAMING.principal;
  const account = ACCOUNT_ID.test(entry) ? entry : ROOT_ARN.exec(entry)?.[1];
  if (account !== undefined) return account === principal.account ? NAMING.account : NAMING.none;
  const role = ROLE_ARN.exec(entry);
  const session = role === null ? null : ROLE_SESSION_ARN.exec(principal.arn ?? '');
  return role !== null && session !== null && role[1] === session[1] && role[2] === session[2]
    ? NAMING.role
    : NAMING.none;
}

/** A principal of a tenant's world. */
export type TenantPrincipal =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | { readonly kind: 'user'; readonly tenant: string; readonly id: string }
  | { readonly kind: 'role' | 'session'; readonly tenant: string; readonly id: string }
  | { readonly kind: 'provider'; readonly id: string };

/** Without any entry of either element nobody who is identified is named; nobody is asked for when no identity is given. */
export function tenantPrincipals(
  wanted: readonly string[],
  entries: readonly TenantPrincipal[],
  excluded: readonly TenantPrincipal[],
): PrincipalTest {
  return {
    wanted,
    mayFault: false,
    negated: entries.length === 0 && excluded.length > 0,
    naming(principal) {
      if (principal.type === 'None') return NAMING.principal;
      if (entries.length === 0 && excluded.length === 0) return NAMING.none;
      if (entries.length > 0 && !entries.some((entry) => isTenantPrincipal(entry, principal))) return NAMING.none;
      return excluded.some((entry) => isTenantPrincipal(entry, principal)) ? NAMING.none : NAMING.principal;
    },
  };
}

function isTenantPrincipal(entry: TenantPrincipal, principal: RequestPrincipal): boolean {
  switch (entry.kind) {
    case 'everyone':
      return true;
    case 'tenant':
      return principal.type !== 'Anonymous' && entry.tenant === principal.account;
    case 'user': {
      if (principal.type !== 'User' || entry.tenant !== principal.account) return false;
      const [name = ''] = principal.user.split(':', 1);
      return entry.id === name || entry.id === `${name}:*` || entry.id === principal.user;
    }
    case 'role':
    case 'session': {
      if (principal.type !== 'AssumedRole' || entry.tenant !== principal.account) return false;
      const [role = ''] = principal.user.split('/', 1);
      return entry.kind === 'role' ? entry.id.split('/').at(-1) === role : entry.id === principal.user;
    }
    case 'provider':
      return principal.type === 'FederatedUser' && entry.id === principal.user;
  }
}
