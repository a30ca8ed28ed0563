// Requests through the real dispatch to the operations, on any volume, with a sidecar that decides as the test says.
import {
  type Access,
  type Decision,
  Outcome,
  type Principal,
  Principal_Type,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { AuthzClient } from '../../src/gateway/authz-client/authz-client.ts';
import { OPERATIONS } from '../../src/gateway/operations/index.ts';
import { readObjectFacts } from '../../src/gateway/operations/object-facts.ts';
import type { ByteSource } from '../../src/gateway/s3/byte-reader.ts';
import { Dispatcher } from '../../src/gateway/s3/dispatch.ts';
import { S3Error } from '../../src/gateway/s3/errors.ts';
import type { GatewayFeatures, Operation } from '../../src/gateway/s3/operation.ts';
import type { Volume } from '../../src/juicefs/volume.ts';

export interface TestReply {
  readonly status: number;
  /** The error code; '' for a success. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
}

export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** What the sidecar is asked, and how it decides. */
export interface Decider {
  /** A list names the facts that the decision needs. */
  allows(
    action: string,
    resource: string,
    context: ReadonlyMap<string, readonly string[]>,
  ): boolean | readonly string[];
  /** Called when the facts of an object have been read, before anything is done. */
  readonly onFactsRead?: () => Promise<void>;
  readonly principal?: Principal_Type;
}

export const ROOT: Decider = { allows: () => true };

const DEFAULTS: GatewayFeatures = {
  multiBuckets: true,
  singleBucket: 'single',
  keepEtag: true,
  objectTag: true,
  objectMeta: true,
  headDir: false,
  hideDirObject: false,
  readOnly: false,
};

export class Served {
  /** Every access that was asked about: 's3:GetObject arn:aws:s3:::b/k'. */
  readonly asked: string[] = [];
  readonly #dispatcher: Dispatcher;

  constructor(
    volume: Volume,
    features: Partial<GatewayFeatures> = {},
    decider: Decider = ROOT,
    domains: readonly string[] = [],
    further: readonly Operation<unknown>[] = [],
  ) {
    this.#dispatcher = new Dispatcher({
      operations: [...OPERATIONS, ...further],
      volume,
      authz: this.#authz(decider),
      features: { ...DEFAULTS, ...features },
      domains,
      trustedProxies: [],
      readFacts: async (facts, path, keys) => {
        const read = await readObjectFacts(facts, path, keys);
        await decider.onFactsRead?.();
        return read;
      },
    });
  }

  /** Sends a request; `url` is the request target, percent-encoded. */
  async send(method: string, url: string, { headers = {}, body, signal }: TestRequest = {}): Promise<TestReply> {
    const bytes = Buffer.from(body ?? '');
    const withLength = {
      host: 'localhost',
      ...(body === undefined ? { 'content-length': '0' } : { 'content-length': String(bytes.length) }),
      ...headers,
    };
    try {
      const reply = await this.#dispatcher.dispatch(
        {
          requestId: 'TEST',
          method,
          url,
          rawHeaders: Object.entries(withLength).flat(),
          peer: { address: '127.0.0.1', encrypted: false },
          body: pieces(bytes),
          signal: signal ?? new AbortController().signal,
        },
        {},
      );
      const content = await collect(reply.body);
      return {
        status: reply.status,
        code: '',
        headers: {
          ...(reply.contentLength === undefined ? {} : { 'content-length': String(reply.contentLength) }),
          ...reply.headers,
        },
        body: content,
        text: content.toString(),
      };
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return {
        status: error.status,
        code: error.code,
        headers: error.headers,
        body: Buffer.alloc(0),
        text: error.message,
      };
    }
  }

  #authz(decider: Decider): AuthzClient {
    const principal: Principal = {
      type: decider.principal ?? Principal_Type.TYPE_ROOT,
      accessKey: 'tester',
      parent: '',
      arn: '',
      account: '',
    };
    const decide = ({ action, resource, context }: Access): Decision => {
      this.asked.push(`${action} ${resource}`);
      const keys = new Map(Object.entries(context).map(([name, { values }]) => [name, values]));
      const allowed = decider.allows(action, resource, keys);
      return {
        outcome:
          typeof allowed !== 'boolean'
            ? Outcome.OUTCOME_NEEDS_FACTS
            : allowed
              ? Outcome.OUTCOME_ALLOW
              : Outcome.OUTCOME_IMPLICIT_DENY,
        reason: '',
        message: '',
        determining: undefined,
        neededFacts: typeof allowed === 'boolean' ? [] : [...allowed],
      };
    };
    return {
      authorize: async ({ accesses }) => {
        const decisions = accesses.map(decide);
        const decision = decisions.find(({ outcome }) => outcome !== Outcome.OUTCOME_ALLOW) ?? decisions[0];
        if (decision === undefined) throw new Error('nothing was asked');
        return { decision, principal, frames: undefined };
      },
      authorizeBatch: async ({ accesses }) => ({
        refusal: undefined,
        decisions: accesses.map(decide),
        principal,
        frames: undefined,
      }),
      buckets: memoryConfiguration(),
      isReachable: async () => true,
      close: () => {},
    };
  }
}

/** Bucket configuration in memory; no document is judged. */
function memoryConfiguration(): AuthzClient['buckets'] {
  const buckets = new Map<string, Map<string, string>>();
  const made = { made: true, refusal: undefined, error: '', message: '' };
  return {
    read: async (bucket) => ({
      bucket,
      createdMs: 0n,
      lockEnabled: false,
      documents: Object.fromEntries(buckets.get(bucket) ?? []),
      policyIsPublic: false,
      isUnreadable: false,
    }),
    putDocument: async ({ bucket, name, document }) => {
      buckets.set(bucket, new Map([...(buckets.get(bucket) ?? []), [name, document.toString()]]));
      return made;
    },
    deleteDocument: async ({ bucket, name }) => {
      buckets.get(bucket)?.delete(name);
      return made;
    },
    create: async ({ bucket }) => {
      buckets.delete(bucket);
      return made;
    },
    forget: async ({ bucket }) => {
      buckets.delete(bucket);
      return made;
    },
    reportEventTargets: async () => undefined,
    async *watch() {
      yield { buckets: [], server: undefined, complete: true, revision: '' };
    },
  };
}

const PIECE = 65_536;

function pieces(bytes: Buffer): ByteSource {
  let at = 0;
  return {
    next: async () => {
      const piece = bytes.subarray(at, at + PIECE);
      at += piece.length;
      return piece.length === 0 ? undefined : piece;
    },
  };
}

async function collect(body: string | Buffer | AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === 'string' || Buffer.isBuffer(body)) return Buffer.from(body);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** The texts of all elements of that name, entities decoded. */
export function texts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) =>
    text
      .replace(/&#(\d+);/g, (_, point: string) => String.fromCodePoint(Number(point)))
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&apos;', "'")
      .replaceAll('&amp;', '&'),
  );
}

/** Keys and common prefixes of a listing. */
export function listed(xml: string): { keys: string[]; prefixes: string[]; truncated: boolean } {
  return {
    keys: texts(xml, 'Key'),
    prefixes: [...xml.matchAll(/<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g)].map(([, text = '']) => text),
    truncated: texts(xml, 'IsTruncated')[0] === 'true',
  };
}
