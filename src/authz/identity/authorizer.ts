// The service itself, behind every door: credentials and accesses in, decisions out. Synchronous but for one case: an access key
// that is not known waits for the store to be read again.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Access, Credentials, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { Decision, PolicyRequest, StatementRef } from '../policy/request.ts';
import { askAccessControl, type BucketAccessControl } from './access-control-list.ts';
import { AskFault } from './ask-fault.ts';
import { AuthRefusal, UnknownSession } from './auth-refusal.ts';
import { type Authenticated, authenticate } from './authenticate.ts';
import type { BearerSource } from './console-session.ts';
import type { IamDirectory } from './iam-directory.ts';
import { readMetricsToken } from './metrics-token.ts';
import { decide, type PolicySettings } from './policy-program.ts';
import { DEFAULT_ACCOUNT, type Identified, requestPrincipal } from './principal.ts';
import { accessKeys, type Keys, OBJECT_FACTS, requestKeys } from './request-keys.ts';
import { parseResource } from './resource-name.ts';
import type { IamSnapshot, Rights } from './snapshot.ts';
import type { VerifiedSignature, VerifyContext } from './verified-signature.ts';

/** Accesses of one question. */
export const MAX_ACCESSES = 1_000;
/** Characters of an action and of a resource. */
export const MAX_ACTION_LENGTH = 128;
export const MAX_RESOURCE_LENGTH = 2_048;

/**
 * Age of what is known of the store at which a session of the console has it read again, milliseconds: elsewhere its owner may have signed
 * out. And how long a decision waits for that.
 */
const SESSION_FRESH_MS = 5_000;
const SESSION_WAIT_MS = 1_000;

/** The end of the year 9999, the last that dates are written with. */
const MAX_TIME_MS = 253_402_300_799_999;

/** A question as a door received it. */
export interface Ask {
  readonly credentials: Credentials | undefined;
  readonly accesses: readonly Access[];
  readonly context: RequestContext | undefined;
  /** What its caller may say of itself; the service's own rule when absent. */
  readonly caller?: { readonly mayName: boolean; readonly maySetTime: boolean };
  /** What the signature must be for; 's3' when absent. */
  readonly service?: VerifyContext['service'];
  /** Condition keys that callers may not set and this door found out itself. */
  readonly derived?: Keys;
  /** Nobody acts on the answer: a page wants to know what to show. */
  readonly asksOnly?: boolean;
}

/** One access, decided. */
export interface AccessDecision {
  readonly outcome: Decision['outcome'];
  readonly reason: string;
  readonly message: string;
  readonly by: StatementRef | undefined;
  readonly neededFacts: readonly string[];
}

export type Answer =
  | { readonly kind: 'refused'; readonly refusal: AuthRefusal; readonly revision: string }
  | {
      readonly kind: 'decided';
      readonly identified: Identified;
      readonly signature: VerifiedSignature | undefined;
      /** One an access, same order. */
      readonly decisions: readonly AccessDecision[];
      /** What they were made of. */
      readonly accesses: readonly PreparedAccess[];
      readonly revision: string;
    };

/** An access in the form the policy engine takes it, with the rights that decide it. */
export interface PreparedAccess {
  readonly rights: Rights;
  readonly request: PolicyRequest;
  /** The lists that are asked when no policy says anything, and whose rights they are asked about. */
  readonly lists?: { readonly control: BucketAccessControl; readonly user: string } | undefined;
}

/** Where the snapshot comes from that decisions are made by. */
export type SnapshotSource = Pick<IamDirectory, 'current' | 'onChange' | 'refreshForUnknownKey' | 'refreshIfOlder'>;

export interface AuthorizerOptions {
  readonly directory: SnapshotSource;
  readonly settings: PolicySettings;
  /** Callers may name principals and set the time. */
  readonly trustCallers: boolean;
  /** What bearer tokens stand for. */
  readonly bearers?: BearerSource | undefined;
  readonly nowMs: () => number;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The account of everyone here, in ARNs. */
  get account(): string {
    return this.#options.settings.accountId ?? DEFAULT_ACCOUNT;
  }

  get snapshot(): IamSnapshot {
    return this.#options.directory.current;
  }

  /** Calls `listener` whenever the snapshot is another one. Answers how to stop. */
  onChange(listener: () => void): () => void {
    return this.#options.directory.onChange(listener);
  }

  /** Throws (or rejects with) AskFault for a question that may not be asked. */
  answer(ask: Ask): Answer | Promise<Answer> {
    checkAsk(ask);
    const news = this.#isSession(ask) ? this.#options.directory.refreshIfOlder(SESSION_FRESH_MS) : undefined;
    if (news === undefined) return this.#answerOrReload(ask);
    return Promise.race([news, sleep(SESSION_WAIT_MS, undefined, { ref: false })]).then(() =>
      this.#answerOrReload(ask),
    );
  }

  #isSession({ credentials }: Ask): boolean {
    const presented = credentials?.presented;
    if (presented?.$case !== 'bearer' || this.#options.bearers === undefined) return false;
    return readMetricsToken(presented.value.token) === undefined;
  }

  #answerOrReload(ask: Ask): Answer | Promise<Answer> {
    const answer = this.#answerNow(ask);
    if (answer.kind !== 'refused' || !mayBeNews(answer.refusal)) return answer;
    const reload = this.#options.directory.refreshForUnknownKey();
    return reload === undefined ? answer : reload.then(() => this.#answerNow(ask));
  }

  /** Authenticates and readies the accesses, for a caller that evaluates them itself (Explain). Throws AuthRefusal, AskFault. */
  prepare(ask: Ask): Authenticated & { readonly snapshot: IamSnapshot; readonly accesses: readonly PreparedAccess[] } {
    checkAsk(ask);
    const snapshot = this.snapshot;
    const nowMs = this.#nowOf(ask);
    const authenticated = this.#authenticate(ask, snapshot, nowMs);
    return { ...authenticated, snapshot, accesses: this.#prepare(ask, authenticated, snapshot, nowMs) };
  }

  /** Readies the accesses of somebody whom the caller has identified itself. Throws AskFault. */
  prepareFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): readonly PreparedAccess[] {
    const whole: Ask = { ...ask, credentials: undefined };
    checkAsk(whole);
    return this.#prepare(whole, { identified, signature: undefined }, this.snapshot, this.#nowOf(whole));
  }

  /** Decides for somebody whom the caller has identified itself. Throws AskFault. */
  answerFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): Answer {
    const accesses = this.prepareFor(identified, ask);
    const decisions = accesses.map(decideAccess);
    return { kind: 'decided', identified, signature: undefined, decisions, accesses, revision: this.snapshot.revision };
  }

  #answerNow(ask: Ask): Answer {
    const snapshot = this.snapshot;
    const { revision } = snapshot;
    const nowMs = this.#nowOf(ask);
    try {
      const authenticated = this.#authenticate(ask, snapshot, nowMs);
      const accesses = this.#prepare(ask, authenticated, snapshot, nowMs);
      return { kind: 'decided', ...authenticated, decisions: accesses.map(decideAccess), accesses, revision };
    } catch (error) {
      if (error instanceof AuthRefusal) return { kind: 'refused', refusal: error, revision };
      throw error;
    }
  }

  #authenticate(ask: Ask, credentials: IamSnapshot, nowMs: number): Authenticated {
    return authenticate(
      ask.credentials,
      {
        credentials,
        nowMs,
        service: ask.service ?? 's3',
        bearers: this.#options.bearers,
        accesses: ask.accesses,
      },
      ask.caller?.mayName ?? this.#options.trustCallers,
    );
  }

  #prepare(ask: Ask, authenticated: Authenticated, snapshot: IamSnapshot, nowMs: number): PreparedAccess[] {
    const { identified, signature } = authenticated;
    const { dialect } = this.#options.settings;
    const principal = requestPrincipal(identified, dialect, this.account);
    const groups = snapshot.groupsOf(identified);
    const shared = requestKeys({ dialect, identified, groups, signature, context: ask.context, nowMs });
    for (const [name, values] of ask.derived ?? []) shared.set(name, values);
    return ask.accesses.map((access) => {
      const resource = parseResource(access.resource);
      if (resource === undefined) {
        throw AskFault.malformed(`a resource is not an ARN of the form arn:aws:s3:::bucket/key`);
      }
      const keys: Keys = accessKeys(shared, access);
      const request: PolicyRequest = {
        principal,
        action: access.action,
        ...resource,
        resourceArn: access.resource,
        ...(access.resourceAccount === '' ? {} : { resourceAccount: access.resourceAccount }),
        keys,
        unknownKeys: resource.object === '' ? undefined : OBJECT_FACTS,
      };
      const control = snapshot.accessControl(resource.bucket);
      const user = grantee(identified);
      return {
        rights: snapshot.rights(identified, resource.bucket),
        request,
        lists: control === undefined ? undefined : { control, user },
      };
    });
  }

  #nowOf(ask: Ask): number {
    const asked = ask.context?.timeMs ?? 0n;
    if (asked === 0n) return this.#options.nowMs();
    if (!(ask.caller?.maySetTime ?? this.#options.trustCallers)) {
      throw AskFault.notPermitted('this caller is not trusted to set the time');
    }
    const nowMs = Number(asked);
    if (nowMs < 0 || nowMs > MAX_TIME_MS) throw AskFault.malformed('the time is out of range');
    return nowMs;
  }
}

/** The name by which access control lists know the requester; '' for the anonymous. Who comes from elsewhere is no user of that name. */
function grantee(identified: Identified): string {
  if (identified.type === 'Anonymous') return '';
  const { type, accessKey } = identified.owner;
  return type === 'User' || type === 'Root' ? accessKey : `${type}:${accessKey}`;
}

/** Whether who is refused may have been made known to another sidecar of the store. */
function mayBeNews(refusal: AuthRefusal): boolean {
  return refusal.code === 'InvalidAccessKeyId' || refusal instanceof UnknownSession;
}

/** Decides one access. */
export function decideAccess({ rights, request, lists }: PreparedAccess): AccessDecision {
  switch (rights.kind) {
    case 'root':
      return { outcome: 'Allow', reason: 'Root', message: '', by: undefined, neededFacts: [] };
    case 'refused':
      return {
        outcome: 'EvaluationError',
        reason: 'UnreadablePolicy',
        message: `the ${rights.subject} cannot be read`,
        by: undefined,
        neededFacts: [],
      };
    case 'program':
      return withLists(fromPolicy(decide(rights.program, request)), request, lists);
  }
}

/** Refusals for want of a policy: what a Deny or a session policy refuses is not granted by a list. */
const LISTS_MAY_GRANT: ReadonlySet<string> = new Set(['NoPolicyAllows', 'Anonymous']);

/** The decision of the policies, or of the access control lists where no policy says anything. */
export function withLists(
  decision: AccessDecision,
  { action, object, keys }: PolicyRequest,
  lists: PreparedAccess['lists'],
): AccessDecision {
  if (lists === undefined || decision.outcome !== 'ImplicitDeny' || !LISTS_MAY_GRANT.has(decision.reason))
    return decision;
  const said = askAccessControl(lists.control, lists.user, { action, object, keys });
  if (said === undefined) return decision;
  if (said === 'allow') {
    return { outcome: 'Allow', reason: 'AccessControlList', message: '', by: undefined, neededFacts: [] };
  }
  return {
    outcome: 'NeedsFacts',
    reason: 'NeedsFacts',
    message: 'facts are needed that only the caller can find out',
    by: undefined,
    neededFacts: said,
  };
}

/** The policy engine's decision in this service's words. */
export function fromPolicy(decision: Decision): AccessDecision {
  switch (decision.outcome) {
    case 'Allow':
      return { outcome: 'Allow', reason: decision.reason, message: '', by: decision.by, neededFacts: [] };
    case 'ExplicitDeny':
      return {
        outcome: 'ExplicitDeny',
        reason: decision.reason,
        message: 'a statement denies it',
        by: decision.by,
        neededFacts: [],
      };
    case 'ImplicitDeny':
      return {
        outcome: 'ImplicitDeny',
        reason: decision.reason,
        message: 'no statement allows it',
        by: undefined,
        neededFacts: [],
      };
    case 'EvaluationError':
      return {
        outcome: 'EvaluationError',
        reason: decision.reason,
        message: 'a statement could not be evaluated',
        by: decision.at,
        neededFacts: [],
      };
    case 'NeedsFacts':
      return {
        outcome: 'NeedsFacts',
        reason: 'NeedsFacts',
        message: 'facts are needed that only the caller can find out',
        by: undefined,
        neededFacts: decision.keys,
      };
  }
}

function checkAsk({ accesses }: Ask): void {
  if (accesses.length === 0) throw AskFault.malformed('no access is asked for');
  if (accesses.length > MAX_ACCESSES) throw AskFault.malformed(`more than ${MAX_ACCESSES} accesses are asked for`);
  for (const { action, resource } of accesses) {
    if (action === '' || action.length > MAX_ACTION_LENGTH || !action.includes(':')) {
      throw AskFault.malformed('an action is not of the form "s3:GetObject"');
    }
    if (resource.length > MAX_RESOURCE_LENGTH) throw AskFault.malformed('a resource is too long');
  }
}
