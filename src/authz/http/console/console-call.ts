// One call of the console's own API: its session, what it asks, and the form of its answers. All bodies are JSON.
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Access } from '../../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { ConsoleSessions } from '../../administration/console-sessions.ts';
import type { RecentDecisions } from '../../audit/recent-decisions.ts';
import type { AccessDecision, Answer } from '../../identity/authorizer.ts';
import type { CredentialSource } from '../../identity/credential.ts';
import type { Identified } from '../../identity/principal.ts';
import type { AdminReply } from '../admin-call.ts';
import type { AdminService } from '../admin-service.ts';
import { bearerToken, credentialsOf, type HttpRequest } from '../http-request.ts';
import type { StsService } from '../sts-service.ts';
import { CONSOLE_ERRORS, ConsoleRefusal } from './console-refusal.ts';
import type { PendingSignIns } from './pending-sign-ins.ts';
import type { PolicyDesk } from './policy-desk.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';

/** What the console's calls work on. */
export interface ConsoleService {
  readonly admin: AdminService;
  readonly sessions: ConsoleSessions;
  readonly throttle: SignInThrottle;
  /** The issuers that people may sign in at, and what makes sessions of whom they vouch for. */
  readonly sts: StsService;
  readonly pending: PendingSignIns;
  /** Everyone there is, at the moment. */
  readonly credentials: () => CredentialSource;
  readonly policies: PolicyDesk;
  readonly decisions: RecentDecisions;
  /** The account of everyone here, in ARNs. */
  readonly account: string;
  /** Region of presigned URLs. */
  readonly region: string;
}

export type KnownIdentity = Extract<Identified, { type: 'Known' }>;

/** A row of the table of calls. */
export interface ConsoleRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Behind CONSOLE_PREFIX. */
  readonly path: string;
  /** The action that the caller must be allowed; '' = whoever is signed in; undefined = anyone. */
  readonly action: string | undefined;
  /** The page asks it of itself, again and again: nobody acts on it. */
  readonly asksOnly?: boolean;
  handle(call: ConsoleCall): Promise<AdminReply> | AdminReply;
}

export class ConsoleCall {
  readonly service: ConsoleService;
  readonly request: HttpRequest;
  readonly logger: Logger;
  readonly #identity: KnownIdentity | undefined;

  private constructor(
    service: ConsoleService,
    request: HttpRequest,
    logger: Logger,
    identity: KnownIdentity | undefined,
  ) {
    this.service = service;
    this.request = request;
    this.logger = logger;
    this.#identity = identity;
  }

  /** Finds whose session it is and whether they may. Throws AuthRefusal, ConsoleRefusal. */
  static async open(
    service: ConsoleService,
    request: HttpRequest,
    logger: Logger,
    { action, asksOnly = action === '' }: Pick<ConsoleRoute, 'action' | 'asksOnly'>,
  ): Promise<ConsoleCall> {
    if (action === undefined) return new ConsoleCall(service, request, logger, undefined);
    if (bearerToken(request) === undefined) throw new ConsoleRefusal('NotSignedIn');
    // Who it is comes with any decision; what is asked about is the action, or something that needs none.
    const asked = access(action === '' ? 's3:ListAllMyBuckets' : action, '', {});
    const answer = await ask(service, request, [asked], asksOnly);
    const { identified, decisions } = answer;
    if (identified.type !== 'Known') throw new ConsoleRefusal('NotSignedIn');
    if (action !== '' && decisions[0]?.outcome !== 'Allow') throw new ConsoleRefusal('AccessDenied');
    return new ConsoleCall(service, request, logger, identified);
  }

  /** Whose session it is. Only in calls that need one. */
  get identity(): KnownIdentity {
    if (this.#identity === undefined) throw new Error('this call needs no session, so it has none');
    return this.#identity;
  }

  /** What would be decided of accesses of this session, one by one. */
  async decide(accesses: readonly Access[]): Promise<readonly AccessDecision[]> {
    return (await ask(this.service, this.request, accesses, true)).decisions;
  }

  /** The body. Throws ConsoleRefusal. */
  body<T>(schema: z.ZodType<T>): T {
    let json: unknown;
    try {
      json = JSON.parse(this.request.body.toString('utf8'));
    } catch (cause) {
      throw new ConsoleRefusal('InvalidRequest', 'The body is not JSON.', { cause });
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw new ConsoleRefusal('InvalidRequest', z.prettifyError(parsed.error));
  }
}

/** An access in the words of the contract. */
export function access(action: string, resource: string, context: Readonly<Record<string, readonly string[]>>): Access {
  return {
    action,
    resource: resource.startsWith('arn:') ? resource : `arn:aws:s3:::${resource}`,
    context: Object.fromEntries(Object.entries(context).map(([key, values]) => [key, { values: [...values] }])),
    resourceAccount: '',
  };
}

async function ask(
  service: ConsoleService,
  request: HttpRequest,
  accesses: readonly Access[],
  asksOnly: boolean,
): Promise<Extract<Answer, { kind: 'decided' }>> {
  const answer = await service.admin.answer({
    credentials: credentialsOf(request),
    accesses,
    context: request.context,
    asksOnly,
  });
  if (answer.kind === 'refused') throw answer.refusal;
  return answer;
}

export function json(value: unknown, headers?: AdminReply['headers']): AdminReply {
  return {
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify(value),
    ...(headers === undefined ? {} : { headers }),
  };
}

/** The answer to a refusal. */
export function refusalReply(status: number, code: string, message: string, requestId: string): AdminReply {
  return {
    status,
    contentType: 'application/json',
    body: JSON.stringify({ code, message, requestId }),
  };
}

export function statusOf(refusal: ConsoleRefusal): number {
  return CONSOLE_ERRORS[refusal.code].status;
}
