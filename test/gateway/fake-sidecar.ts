// A sidecar for tests of the gateway: a real gRPC server whose answers the test chooses. Its signature check is written from AWS's
// description and shares nothing with src, so that a wrong canonical request shows.
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  type Access,
  AuthorizationService,
  type AuthorizeStreamRequest,
  type AuthorizeStreamResponse,
  type AuthorizeStreamResponse_Item,
  type Credentials,
  type Decision,
  Frame_Kind,
  Outcome,
  type Principal,
  Principal_Type,
  type RequestContext,
  type VerifyFramesRequest,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';

type Stream = ServerDuplexStream<AuthorizeStreamRequest, AuthorizeStreamResponse>;
type Item = AuthorizeStreamRequest['items'][number];
type Answer = NonNullable<AuthorizeStreamResponse_Item['answer']>;

export interface SeenQuestion {
  readonly credentials: Credentials | undefined;
  readonly accesses: readonly Access[];
  readonly context: RequestContext | undefined;
}

export interface FakeSidecarOptions {
  /** Secrets by access key. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Decides an access; the default allows. */
  readonly decide?: (access: Access, accessKey: string) => Outcome;
  /** Answers an item instead; undefined leaves it to the rest, 'silence' answers nothing. */
  readonly intercept?: (item: Item, stream: Stream) => Answer | 'silence' | undefined;
  readonly address?: string;
}

interface FrameChain {
  readonly key: Buffer;
  readonly prefix: string;
  previous: string;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
export const decision = (outcome: Outcome, reason = '', message = ''): Decision => ({
  outcome,
  reason,
  message,
  determining: undefined,
  neededFacts: outcome === Outcome.OUTCOME_NEEDS_FACTS ? ['s3:ExistingObjectTag/team'] : [],
});

export class FakeSidecar {
  readonly questions: SeenQuestion[] = [];
  /** Messages as they came: how many items each held. */
  readonly messages: number[] = [];
  readonly framesSeen: VerifyFramesRequest[] = [];
  readonly address: string;
  options: FakeSidecarOptions;
  readonly #folder: string;
  #server: Server | undefined;
  readonly #streams = new Set<Stream>();
  readonly #chains = new Map<string, FrameChain>();

  constructor(options: FakeSidecarOptions = {}) {
    this.options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'fake-sidecar-'));
    this.address = options.address ?? `unix:${join(this.#folder, 'authz.sock')}`;
  }

  async start(): Promise<this> {
    const server = new Server();
    server.addService(AuthorizationService, {
      authorizeStream: (stream: Stream) => this.#serve(stream),
      authorize: () => undefined,
      authorizeBatch: () => undefined,
      explain: () => undefined,
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(this.address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    this.#server = server;
    return this;
  }

  /** Ends at once, as a killed process does. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#streams.clear();
  }

  dispose(): void {
    this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #serve(stream: Stream): void {
    this.#streams.add(stream);
    stream.on('error', () => this.#streams.delete(stream));
    stream.on('end', () => stream.end());
    stream.on('data', (message: AuthorizeStreamRequest) => {
      this.messages.push(message.items.length);
      const items: AuthorizeStreamResponse_Item[] = [];
      for (const item of message.items) {
        const answer = this.options.intercept?.(item, stream) ?? this.#answer(item);
        if (answer !== 'silence') items.push({ id: item.id, answer });
      }
      if (items.length > 0) stream.write({ items });
    });
  }

  #answer({ ask }: Item): Answer {
    if (ask?.$case === 'authorize') {
      const { credentials, accesses, context, openFrames } = ask.value;
      this.questions.push({ credentials, accesses, context });
      const checked = this.#authenticate(credentials);
      const outcomes = accesses.map((access) => this.#decide(access, checked.accessKey));
      const worst = outcomes.find((outcome) => outcome !== Outcome.OUTCOME_ALLOW) ?? Outcome.OUTCOME_ALLOW;
      return {
        $case: 'authorize',
        value: {
          decision: checked.refusal ?? decision(worst),
          principal: checked.principal,
          frameHandle: openFrames && checked.chain !== undefined ? this.#openChain(checked.chain) : '',
          policyRevision: '1',
        },
      };
    }
    if (ask?.$case === 'batch') {
      const { credentials, accesses, context, openFrames } = ask.value;
      this.questions.push({ credentials, accesses, context });
      const { refusal, principal, accessKey, chain } = this.#authenticate(credentials);
      return {
        $case: 'batch',
        value: {
          refusal,
          decisions: refusal ? [] : accesses.map((access) => decision(this.#decide(access, accessKey))),
          principal,
          frameHandle: openFrames && chain !== undefined ? this.#openChain(chain) : '',
          policyRevision: '1',
        },
      };
    }
    if (ask?.$case === 'frames') {
      this.framesSeen.push(ask.value);
      return { $case: 'frames', value: this.#verifyFrames(ask.value) };
    }
    return { $case: 'fault', value: { code: 3, message: 'empty' } };
  }

  #decide(access: Access, accessKey: string): Outcome {
    return this.options.decide?.(access, accessKey) ?? Outcome.OUTCOME_ALLOW;
  }

  #authenticate(credentials: Credentials | undefined): {
    refusal: Decision | undefined;
    principal: Principal | undefined;
    accessKey: string;
    chain: FrameChain | undefined;
  } {
    const presented = credentials?.presented;
    const who = (type: Principal_Type, accessKey: string): Principal => ({
      type,
      accessKey,
      parent: '',
      arn: '',
      account: '',
    });
    const refuse = (reason: string) => ({
      refusal: decision(Outcome.OUTCOME_UNAUTHENTICATED, reason),
      principal: undefined,
      accessKey: '',
      chain: undefined,
    });
    if (presented?.$case === 'anonymous') {
      return { refusal: undefined, principal: who(Principal_Type.TYPE_ANONYMOUS, ''), accessKey: '', chain: undefined };
    }
    if (presented?.$case !== 'sigv4Header' && presented?.$case !== 'sigv4Query') return refuse('AccessDenied');
    const canonical = Buffer.from(presented.value.canonicalRequest);
    const text = canonical.toString();
    const field = (name: string): string =>
      presented.$case === 'sigv4Header'
        ? (new RegExp(`${name}=([^, ]+)`).exec(presented.value.authorization)?.[1] ?? '')
        : decodeURIComponent(new RegExp(`X-Amz-${name}=([^&\n]*)`).exec(text)?.[1] ?? '');
    const signature = presented.$case === 'sigv4Header' ? field('Signature') : presented.value.signature;
    const [accessKey = '', ...scope] = field('Credential').split('/');
    const secret = this.options.secrets?.[accessKey];
    if (secret === undefined) return refuse('InvalidAccessKeyId');
    if (presented.value.unsignedHeaders.length > 0) return refuse('AccessDenied');
    const time = presented.$case === 'sigv4Header' ? (/\nx-amz-date:(.*)\n/.exec(text)?.[1] ?? '') : field('Date');
    const key = scope.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
    const wanted = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope.join('/')}\n${sha256(canonical)}`).toString('hex');
    if (wanted !== signature) return refuse('SignatureDoesNotMatch');
    const chain = { key, prefix: `${time}\n${scope.join('/')}`, previous: signature };
    return { refusal: undefined, principal: who(Principal_Type.TYPE_USER, accessKey), accessKey, chain };
  }

  #openChain(chain: FrameChain): string {
    const handle = `h${this.#chains.size}`;
    this.#chains.set(handle, chain);
    return handle;
  }

  #verifyFrames({ handle, frames, close }: VerifyFramesRequest): { valid: boolean; reason: string } {
    const chain = this.#chains.get(handle);
    if (chain === undefined) return { valid: false, reason: 'UnknownHandle' };
    if (close) this.#chains.delete(handle);
    const valid = frames.every((frame) => {
      const hash = Buffer.from(frame.sha256).toString('hex');
      const text =
        frame.kind === Frame_Kind.KIND_DATA
          ? `AWS4-HMAC-SHA256-PAYLOAD\n${chain.prefix}\n${chain.previous}\n${sha256('')}\n${hash}`
          : `AWS4-HMAC-SHA256-TRAILER\n${chain.prefix}\n${chain.previous}\n${hash}`;
      chain.previous = hmac(chain.key, text).toString('hex');
      return chain.previous === frame.signature;
    });
    return { valid, reason: valid ? '' : 'SignatureDoesNotMatch' };
  }
}
