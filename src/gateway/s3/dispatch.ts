// The one way from a request to an operation's handler: match, parse, question, ask, grant, act. A Grant is minted here and
// nowhere else, so a handler cannot run undecided.

import type { Credentials, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { Volume, VolumePath } from '../../juicefs/volume.ts';
import type { AuthzClient } from '../authz-client/authz-client.ts';
import type { ByteSource } from './byte-reader.ts';
import { hasUnsortedRepeats, type RepeatedParameters } from './canonical-request.ts';
import { answerPreflight, type CorsRule, corsHeaders, crossOrigin, parseCors } from './cors.ts';
import { type Presented, presentedCredentials } from './credentials.ts';
import { S3Error } from './errors.ts';
import { requireExpectedOwner } from './expected-owner.ts';
import { type ObjectFacts, type ReadFacts, StaleDecision } from './facts.ts';
import { readForm } from './form-body.ts';
import { formCredentials, planForm } from './form-fields.ts';
import { type FrameChannel, FrameRecorder, FrameVerifier } from './frame-verifier.ts';
import { compileMatchTable, type MatchTable } from './match-table.ts';
import type { EventSink } from './object-event.ts';
import { type BucketName, keyComponents, type ObjectKey, parseBucketName, parseObjectKey } from './object-name.ts';
import type {
  GatewayFeatures,
  Grant,
  GrantedPrincipal,
  MaybeRefused,
  Operation,
  OperationContext,
  S3Reply,
  S3Request,
} from './operation.ts';
import { CheckedPayload, type PayloadPlan, planPayload, readDocument } from './payload.ts';
import { type Permission, Questioner } from './question.ts';
import { requestContext } from './request-context.ts';
import { readRequestHeaders } from './request-headers.ts';
import { parseRequestTarget, type RequestTarget } from './request-target.ts';
import { type Peer, TrustedProxies } from './source-address.ts';
import { unimplementedOperations } from './sub-resource.ts';
import { readTransferForm } from './transfer-form.ts';

/** Default of `Operation.documentLimit`, bytes. */
export const DEFAULT_DOCUMENT_LIMIT = 1024 * 1024;

/**
 * Bytes of documents that may be in memory at once. They are read before anyone is known to be allowed anything, so they must
 * not be a way to fill the memory.
 */
export const MAX_DOCUMENT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** A request as it came over the wire, its body unread. */
export interface IncomingRequest {
  readonly requestId: string;
  readonly method: string;
  /** The request line's target, raw. */
  readonly url: string;
  /** Names and values in turn, raw. */
  readonly rawHeaders: readonly string[];
  readonly peer: Peer;
  readonly body: ByteSource;
  /** Told when a body begins to be read before the question, and when that has ended. Throws SlowDown when too many are. */
  readonly reading?: (isReading: boolean) => void;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** What became known of a request on its way, for the access log; filled in even when it fails. */
export interface RequestTrace {
  operation?: string;
  bucket?: string;
  key?: string;
  principal?: GrantedPrincipal;
  sourceAddress?: string;
  /** Headers of the answer, whatever it is. */
  headers?: Record<string, string> | undefined;
}

export interface DispatcherOptions {
  readonly operations: readonly Operation<unknown>[];
  readonly volume: Volume;
  readonly authz: AuthzClient;
  readonly features: GatewayFeatures;
  /** Domains of virtual-host style requests. */
  readonly domains: readonly string[];
  /** Addresses and CIDR blocks whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Where events go; nobody is notified without it. */
  readonly events?: EventSink | undefined;
  /** Reads the facts of the object at a path that condition keys name. Without it, decisions that hang on facts are refusals. */
  readonly readFacts?: (volume: Volume, path: VolumePath, keys: readonly string[]) => Promise<ObjectFacts>;
}

/** How often a request is decided again because its object was replaced in between. */
const MAX_DECISIONS = 3;

/** A request of which everything is known but its body. */
interface Matched {
  readonly operation: Operation<unknown>;
  readonly plan: PayloadPlan;
  /** Most bytes of the body, which must be read before the question; undefined for all other bodies. */
  readonly documentLimit: number | undefined;
  readonly presented: Presented;
  readonly context: RequestContext;
  readonly request: Omit<S3Request, 'document'>;
}

/** A request of which everything is known that its question needs. */
interface Readable {
  readonly operation: Operation<unknown>;
  readonly plan: PayloadPlan;
  readonly questioner: Questioner;
  readonly request: S3Request;
  /** The signed frames of a document. */
  readonly recorder: FrameRecorder | undefined;
  /** Where the payload comes from. */
  readonly payload: ByteSource;
}

/** Serves requests. Throws S3Error for what the client is to be told, anything else for faults. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #table: MatchTable;
  readonly #proxies: TrustedProxies;
  #documentBytes = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#table = compileMatchTable(options.operations, unimplementedOperations());
    this.#proxies = new TrustedProxies(options.trustedProxies);
  }

  /** Answers one request; fills in `trace` on the way. */
  async dispatch(incoming: IncomingRequest, trace: RequestTrace): Promise<S3Reply> {
    const { bucket, headers } = this.#named(incoming);
    const asked = crossOrigin(headers, incoming.method);
    if (incoming.method === 'OPTIONS' && bucket !== undefined) {
      trace.operation = 'Preflight';
      return answerPreflight(await this.#corsRules(bucket), headers);
    }
    if (bucket !== undefined && asked !== undefined) {
      const rules = await this.#corsRules(bucket);
      trace.headers = rules === undefined ? undefined : corsHeaders(rules, asked);
    }
    return this.#attempt(incoming, trace);
  }

  /** The bucket that a request names, as far as it can be told, and its headers. */
  #named(incoming: IncomingRequest): { bucket: BucketName | undefined; headers: ReadonlyMap<string, string> } {
    const isCrossOrigin =
      incoming.method === 'OPTIONS' || incoming.rawHeaders.some((text, i) => i % 2 === 0 && /^origin$/i.test(text));
    if (!isCrossOrigin) return { bucket: undefined, headers: new Map() };
    const headers = readRequestHeaders(incoming.rawHeaders).values;
    const target = parseRequestTarget(incoming.url, headers.get('host') ?? '', this.#options.domains);
    return { bucket: target.bucket === undefined ? undefined : parseBucketName(target.bucket), headers };
  }

  /** The rules of a bucket, which whoever asks may know; undefined when it has none. */
  async #corsRules(bucket: BucketName): Promise<readonly CorsRule[] | undefined> {
    const document = (await this.#options.authz.buckets.read(bucket)).documents.cors;
    return document === undefined ? undefined : parseCors(Buffer.from(document));
  }

  async #attempt(incoming: IncomingRequest, trace: RequestTrace): Promise<S3Reply> {
    const matched = this.#match(incoming, trace);
    try {
      return await this.#serve(matched, incoming, trace);
    } catch (error) {
      // there are two ways to sign a parameter that is there several times
      const again =
        error instanceof S3Error && error.code === 'SignatureDoesNotMatch' && matched.operation.body === 'none';
      if (!again || !hasUnsortedRepeats(matched.request.parameters)) throw error;
      return await this.#serve(this.#match(incoming, trace, 'as-sent'), incoming, trace);
    }
  }

  async #serve(matched: Matched, incoming: IncomingRequest, trace: RequestTrace): Promise<S3Reply> {
    let taken = 0;
    const counted: ByteSource = {
      next: async () => {
        const piece = await incoming.body.next();
        taken += piece?.byteLength ?? 0;
        this.#documentBytes += piece?.byteLength ?? 0;
        if (this.#documentBytes > MAX_DOCUMENT_BYTES_IN_FLIGHT) throw new S3Error('SlowDown');
        return piece;
      },
    };
    try {
      const readable = await this.#readInTime(matched, counted, incoming);
      for (let decisions = 1; ; decisions++) {
        try {
          return await this.#decide(readable, incoming, trace);
        } catch (error) {
          // what was read of a body cannot be read again
          const again = error instanceof StaleDecision && !hasPayload(matched.operation);
          if (!again || decisions >= MAX_DECISIONS) throw error;
        }
      }
    } finally {
      this.#documentBytes -= taken;
    }
  }

  async #readInTime(matched: Matched, counted: ByteSource, incoming: IncomingRequest): Promise<Readable> {
    const reads = matched.documentLimit !== undefined || matched.operation.body === 'form';
    if (!reads || incoming.reading === undefined) return await this.#readBefore(matched, counted, incoming);
    incoming.reading(true);
    try {
      return await this.#readBefore(matched, counted, incoming);
    } finally {
      incoming.reading(false);
    }
  }

  /** What of the body must be read before the question: nothing, a document, or the fields of a form. */
  async #readBefore(matched: Matched, counted: ByteSource, incoming: IncomingRequest): Promise<Readable> {
    const { operation, plan, presented, context, request } = matched;
    const questioner = (credentials: Credentials): Questioner =>
      new Questioner(this.#options.authz, credentials, context, this.#factReader());
    if (operation.body !== 'form') {
      const limit = matched.documentLimit;
      const recorder = isSignedFrames(plan) ? new FrameRecorder() : undefined;
      const document = limit === undefined ? Buffer.alloc(0) : await readDocument(counted, plan, limit, recorder);
      return {
        operation,
        plan,
        recorder,
        questioner: questioner(presented.credentials),
        payload: incoming.body,
        request: { ...request, document },
      };
    }
    let fieldsRead = false;
    const form = readForm(
      { next: () => (fieldsRead ? incoming.body : counted).next() },
      request.headers.get('content-type'),
    );
    const fields = await form.fields();
    fieldsRead = true;
    const values = new Map([...fields.values, ['bucket', request.bucket ?? '']]);
    return {
      operation,
      plan: planForm(values),
      recorder: undefined,
      questioner: questioner(formCredentials(presented, values, fields.fileName)),
      payload: form.file,
      request: { ...request, contentLength: undefined, document: Buffer.alloc(0), form: { ...fields, values } },
    };
  }

  /** Everything that can be said of a request before its body is read. */
  #match(incoming: IncomingRequest, trace: RequestTrace, repeated: RepeatedParameters = 'sorted'): Matched {
    const { method, requestId } = incoming;
    const headers = readRequestHeaders(incoming.rawHeaders);
    const origin = this.#proxies.originOf(incoming.peer, headers.values);
    trace.sourceAddress = origin.address;
    const target = parseRequestTarget(incoming.url, headers.values.get('host') ?? '', this.#options.domains);
    const bucket = target.bucket === undefined ? undefined : parseBucketName(target.bucket);
    const key = target.key === undefined ? undefined : parseObjectKey(target.key);
    Object.assign(trace, { bucket, key });
    const query = firstOfEach(target);
    const operation = this.#table.find({
      method,
      target: bucket === undefined ? 'service' : key === undefined ? 'bucket' : 'object',
      query,
      headers: headers.values,
    });
    trace.operation = operation.name;
    const presented = presentedCredentials(method, target, headers, repeated);
    const plan = planBody(operation, headers.values, presented.payloadHash);
    if (isSignedFrames(plan) && presented.anonymous) {
      throw new S3Error('InvalidRequest', 'A body in signed frames needs a signed request.');
    }
    return {
      operation,
      plan,
      documentLimit: operation.body === 'document' ? (operation.documentLimit ?? DEFAULT_DOCUMENT_LIMIT) : undefined,
      presented,
      context: requestContext(requestId, origin, headers.values),
      request: {
        method,
        requestId,
        headers: withoutFraming(headers.values, plan),
        query,
        parameters: target.query,
        bucket,
        key,
        rawPath: target.rawPath,
        contentLength: plan.length,
        features: this.#options.features,
      },
    };
  }

  async #decide(readable: Readable, incoming: IncomingRequest, trace: RequestTrace): Promise<S3Reply> {
    const { operation, plan, questioner, request, recorder } = readable;
    const input = operation.parse(request);
    const questions = operation.questions(input, request);
    const openFrames = operation.body !== 'none' && isSignedFrames(plan);
    const permission =
      operation.ask === 'each'
        ? await questioner.each(questions, openFrames)
        : await questioner.all(questions, openFrames);
    trace.principal = permission.principal;
    if (operation.body === 'document' && isSignedFrames(plan)) await recorder?.verify(requireFrames(permission));
    await requireExpectedOwner(request.headers, request.bucket, questioner.configurationBy([]));
    const reply = await this.#act(readable, input, permission, incoming);
    await this.#publish(reply, request, trace);
    const { later } = reply;
    void later?.done.then((events) => this.#publish({ ...reply, events }, request, trace)).finally(later.told);
    return reply;
  }

  async #act(
    { operation, plan, questioner, request, payload: source }: Readable,
    input: unknown,
    permission: Permission,
    incoming: IncomingRequest,
  ): Promise<S3Reply> {
    const refusal = refusalOfInput(input);
    if (refusal !== undefined) throw refusal;
    const frames = this.#framesOf(operation, plan, permission);
    try {
      const payload = hasPayload(operation) ? new CheckedPayload(source, plan, frames) : undefined;
      const grant = {
        input,
        request,
        principal: permission.principal,
        allowed: permission.allowed,
        refusals: permission.refusals,
        denied: permission.denied,
        decideEach: async (further: Parameters<Grant<unknown>['decideEach']>[0]) =>
          further.length === 0 ? [] : (await questioner.each(further)).allowed,
        refusalsOf: async (further: Parameters<Grant<unknown>['refusalsOf']>[0]) =>
          further.length === 0 ? [] : (await questioner.each(further)).refusals,
        decided: permission.decided,
        payload,
        get configuration() {
          return questioner.configurationBy(operation.questions(input, request));
        },
      } as Grant<unknown>;
      const reply = await operation.handle(grant, this.#contextOf(incoming));
      if (payload !== undefined && !payload.stands) {
        throw new Error(`${operation.name} answered before its payload was verified`);
      }
      return reply;
    } finally {
      frames?.release();
    }
  }

  #publish(reply: S3Reply, request: S3Request, trace: RequestTrace): Promise<void> | undefined {
    const { events: sink } = this.#options;
    if (sink === undefined || reply.events === undefined || reply.events.length === 0) return undefined;
    return sink.publish(reply.events, {
      requestId: request.requestId,
      accessKey: trace.principal?.accessKey ?? '',
      sourceAddress: trace.sourceAddress ?? '',
      userAgent: request.headers.get('user-agent') ?? '',
      contentLength: lengthOf(reply),
    });
  }

  #framesOf(operation: Operation<unknown>, plan: PayloadPlan, permission: Permission): FrameVerifier | undefined {
    if (operation.body !== 'payload' || !isSignedFrames(plan)) return undefined;
    return new FrameVerifier(requireFrames(permission));
  }

  #factReader(): ReadFacts | undefined {
    const { readFacts, volume } = this.#options;
    if (readFacts === undefined) return undefined;
    return (bucket, key, keys) => readFacts(volume, this.#objectPath(bucket, key), keys);
  }

  readonly #bucketPath = (bucket: BucketName): readonly string[] =>
    this.#options.features.multiBuckets ? [bucket] : [];
  readonly #objectPath = (bucket: BucketName, key: ObjectKey): readonly string[] => [
    ...this.#bucketPath(bucket),
    ...keyComponents(key),
  ];

  #contextOf(incoming: IncomingRequest): OperationContext {
    const { volume, features } = this.#options;
    return {
      volume,
      features,
      // Made when it is asked for, which most operations do not.
      get signal() {
        return incoming.signal;
      },
      bucketPath: this.#bucketPath,
      objectPath: this.#objectPath,
    };
  }
}

function hasPayload({ body }: Operation<unknown>): boolean {
  return body === 'payload' || body === 'form';
}

function refusalOfInput(input: unknown): S3Error | undefined {
  const { refusal } = (typeof input === 'object' && input !== null ? input : {}) as MaybeRefused;
  return refusal;
}

/** Bytes of the answer's body; undefined when nobody can say. */
function lengthOf({ body, contentLength }: S3Reply): number | undefined {
  if (contentLength !== undefined) return contentLength === 'endless' ? undefined : contentLength;
  if (body === undefined) return 0;
  return typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.byteLength(body) : undefined;
}

function firstOfEach(target: RequestTarget): Map<string, string> {
  const query = new Map<string, string>();
  for (const { name, value } of target.query) if (!query.has(name)) query.set(name, value);
  return query;
}

const NO_BODY: PayloadPlan = {
  form: { kind: 'plain', sha256: undefined },
  length: 0,
  md5: undefined,
  checksum: undefined,
};

/** What is known of the body before it is read. */
function planBody(
  operation: Operation<unknown>,
  headers: ReadonlyMap<string, string>,
  payloadHash: string | undefined,
): PayloadPlan {
  // the form says itself what it holds
  if (operation.body === 'form') return NO_BODY;
  if (operation.body === 'none') {
    const length = headers.get('content-length');
    if (length !== undefined && length !== '0') throw new S3Error('UnexpectedContent');
    return NO_BODY;
  }
  return planPayload(headers, readTransferForm(payloadHash), operation.checksumHeaders !== 'object');
}

function isSignedFrames({ form }: PayloadPlan): boolean {
  return form.kind === 'framed' && form.signed;
}

function requireFrames({ frames }: Permission): FrameChannel {
  if (frames === undefined) {
    throw new S3Error('ServiceUnavailable', undefined, { cause: new Error('the sidecar gave no frame handle') });
  }
  return frames;
}

/** aws-chunked is the framing of the transfer, not an encoding of the object. */
function withoutFraming(headers: ReadonlyMap<string, string>, plan: PayloadPlan): ReadonlyMap<string, string> {
  const encoding = headers.get('content-encoding');
  if (plan.form.kind !== 'framed' || encoding === undefined) return headers;
  const rest = encoding
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '' && item.toLowerCase() !== 'aws-chunked');
  const copy = new Map(headers);
  if (rest.length === 0) copy.delete('content-encoding');
  else copy.set('content-encoding', rest.join(', '));
  return copy;
}
