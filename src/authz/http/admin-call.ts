// One call of the admin API: who makes it, what they may do, and the bodies sealed with their secret.
import type { z } from 'zod';
import { ADMIN_ERRORS, AdminRefusal } from '../administration/admin-refusal.ts';
import type { AuthRefusal } from '../identity/auth-refusal.ts';
import type { AccessDecision } from '../identity/authorizer.ts';
import type { Identified } from '../identity/principal.ts';
import { MAX_SEALED_BYTES, openAdminBody, sealAdminBody } from '../store/madmin-crypto.ts';
import { SealBroken } from '../store/sealed-fragments.ts';
import type { AdminService } from './admin-service.ts';
import { bearerToken, bodyHash, credentialsOf, type HttpRequest, queryValue } from './http-request.ts';

/** An access that a call asks for: an admin action, or an S3 action on a bucket. */
export interface AskedAccess {
  readonly action: string;
  readonly bucket?: string;
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

export interface AdminReply {
  readonly status: number;
  readonly contentType?: string;
  /** A list is a header for each. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

export const DONE: AdminReply = { status: 200 };
export const NO_CONTENT: AdminReply = { status: 204 };

type Known = Extract<Identified, { type: 'Known' }>;

export class AdminCall {
  readonly service: AdminService;
  readonly request: HttpRequest;
  readonly #caller: Known;

  private constructor(service: AdminService, request: HttpRequest, caller: Known) {
    this.service = service;
    this.request = request;
    this.#caller = caller;
  }

  /**
   * Authenticates a call. Only a signed header with the true hash of the body will do, or a session of the console. Throws AuthRefusal, AdminRefusal.
   * @returns the call, and whether its caller may take the action
   */
  static async open(
    service: AdminService,
    request: HttpRequest,
    action: string,
  ): Promise<{ call: AdminCall; decision: AccessDecision }> {
    if (bearerToken(request) === undefined && !isSignedWithBody(request)) {
      throw new AdminRefusal('AccessDenied', 'The call must be signed, with the SHA-256 of its body in a header.');
    }
    const { identified, decisions } = await ask(service, request, [{ action }]);
    const [decision] = decisions;
    if (identified.type !== 'Known' || decision === undefined) throw new AdminRefusal('AccessDenied');
    return { call: new AdminCall(service, request, identified), decision };
  }

  /** Made in a session of the console: bodies are not sealed, because its browser has no secret to seal them with. */
  get isConsole(): boolean {
    return bearerToken(this.request) !== undefined;
  }

  /** The access key that signed. */
  get accessKey(): string {
    return this.#caller.credential.accessKey;
  }

  /** The user whose rights it has: itself, or its parent. */
  get user(): string {
    return this.#caller.owner.accessKey;
  }

  get isRoot(): boolean {
    return this.#caller.owner.type === 'Root';
  }

  /** Signed with the user's own key, not with one of a service account or session. */
  get isUserItself(): boolean {
    return this.#caller.credential === this.#caller.owner;
  }

  /** A user, or a credential with all its rights: one that may do to the user's own things what the user may. */
  get actsForItself(): boolean {
    const { credential } = this.#caller;
    return !('limit' in credential) || credential.limit.kind === 'inherit';
  }

  query(name: string): string {
    return queryValue(this.request, name);
  }

  /** Decides further accesses. */
  async decide(accesses: readonly AskedAccess[]): Promise<readonly AccessDecision[]> {
    if (accesses.length === 0) return [];
    return (await ask(this.service, this.request, accesses)).decisions;
  }

  /** As `decide`; anything but an allow is false. */
  async allowed(accesses: readonly AskedAccess[]): Promise<boolean[]> {
    return (await this.decide(accesses)).map(({ outcome }) => outcome === 'Allow');
  }

  /** Throws unless the caller may. */
  async require(action: string): Promise<void> {
    const [allowed] = await this.allowed([{ action }]);
    if (allowed !== true) throw new AdminRefusal('AccessDenied');
  }

  /** The body, opened and checked. Throws AdminRefusal. */
  async sealedBody<T>(schema: z.ZodType<T>): Promise<T> {
    return readJson(await this.sealedText(), schema, 'BadSealedBody');
  }

  /** The body, opened; of the console, which has no secret to seal with, as it is. Throws AdminRefusal. */
  async sealedText(): Promise<string> {
    if (this.isConsole) return this.request.body.toString('utf8');
    const { body, contentLength } = this.request;
    if (contentLength === undefined || contentLength > MAX_SEALED_BYTES) throw new AdminRefusal('BodyTooLarge');
    try {
      return (await openAdminBody(this.#caller.credential.secretKey, body)).toString('utf8');
    } catch (cause) {
      if (cause instanceof SealBroken) throw new AdminRefusal('BadSealedBody', undefined, { cause });
      throw cause;
    }
  }

  /** The body, checked. Throws AdminRefusal. */
  plainBody<T>(schema: z.ZodType<T>): T {
    return readJson(this.request.body.toString('utf8'), schema, 'InvalidRequest');
  }

  /** An answer that only the caller can read. MinIO labels it JSON all the same. */
  async sealedReply(value: unknown): Promise<AdminReply> {
    if (this.isConsole) return { ...jsonReply(value), contentType: 'application/json' };
    return this.sealedTextReply(JSON.stringify(value));
  }

  /** As `sealedReply`, of a text. */
  async sealedTextReply(text: string): Promise<AdminReply> {
    if (this.isConsole) return { status: 200, contentType: 'text/plain; charset=utf-8', body: text };
    const body = await sealAdminBody(this.#caller.credential.secretKey, Buffer.from(text));
    return { status: 200, contentType: 'application/json', body };
  }
}

function isSignedWithBody(request: HttpRequest): boolean {
  return request.headers.has('authorization') && request.headers.get('x-amz-content-sha256') === bodyHash(request);
}

/** An answer in plain JSON, labelled as MinIO's are. */
export function jsonReply(value: unknown): AdminReply {
  return { status: 200, contentType: 'text/plain; charset=utf-8', body: JSON.stringify(value) };
}

/** As `jsonReply`, indented by one blank as MinIO's is, for clients that show the text as it comes. */
export function readableJsonReply(value: unknown): AdminReply {
  return { ...jsonReply(value), body: JSON.stringify(value, null, ' ') };
}

async function ask(service: AdminService, request: HttpRequest, accesses: readonly AskedAccess[]) {
  const answer = await service.answer({
    credentials: credentialsOf(request),
    accesses: accesses.map(({ action, bucket = '', context = {} }) => ({
      action,
      resource: `arn:aws:s3:::${bucket}`,
      context: Object.fromEntries(Object.entries(context).map(([key, values]) => [key, { values: [...values] }])),
      resourceAccount: '',
    })),
    context: request.context,
  });
  if (answer.kind === 'refused') throw answer.refusal;
  return answer;
}

function readJson<T>(text: string, schema: z.ZodType<T>, error: 'BadSealedBody' | 'InvalidRequest'): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AdminRefusal(error, undefined, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AdminRefusal(
    error,
    `${ADMIN_ERRORS[error].message}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** HTTP statuses of refusals of credentials; 403 for those not listed. */
const AUTH_STATUS: Readonly<Record<string, number>> = {
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  CredentialsNotSupported: 400,
  ExpiredToken: 400,
  InvalidArgument: 400,
  InvalidRequest: 400,
  MissingSecurityHeader: 400,
};

export function authRefusalStatus(refusal: AuthRefusal): number {
  return AUTH_STATUS[refusal.code] ?? 403;
}
