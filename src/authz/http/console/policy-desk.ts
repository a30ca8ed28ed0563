// What people ask about policies without using anything: is this document right, and what would be decided, and why. Nothing here
// is audited as a request, because nothing is requested.
import type { Credentials, RequestContext } from '../../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type Explained, explainAccess } from '../../grpc/explain.ts';
import { Authorizer, type AuthorizerOptions } from '../../identity/authorizer.ts';
import type { PolicySettings } from '../../identity/policy-program.ts';
import { type PolicyIssue, type PolicyKind, parsePolicy } from '../../policy/index.ts';
import { access } from './console-call.ts';

/** A request as somebody imagines it. */
export interface ImaginedRequest {
  /** '' = anonymous. */
  readonly accessKey: string;
  readonly action: string;
  readonly bucket: string;
  readonly key: string;
  /** Condition keys as policies write them; those of the request itself (aws:SourceIp, aws:CurrentTime, …) among them. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

export class PolicyDesk {
  readonly settings: PolicySettings;
  readonly #authorizer: Authorizer;

  constructor(options: Omit<AuthorizerOptions, 'trustCallers' | 'bearers'>) {
    this.settings = options.settings;
    // Whoever may use the desk may ask in everyone's name: these are no requests.
    this.#authorizer = new Authorizer({ ...options, trustCallers: true });
  }

  /** Everything that is wrong with a new document; empty when it is right. */
  issues(text: string, kind: PolicyKind, bucket: string): readonly PolicyIssue[] {
    const parsed = parsePolicy(text, {
      kind,
      name: 'new',
      dialect: this.settings.dialect,
      strict: true,
      ...(bucket === '' ? {} : { bucket }),
    });
    return parsed.ok ? [] : parsed.issues;
  }

  /** The decision, with every statement that was considered. Throws AuthRefusal for an unknown or disabled principal, AskFault. */
  explain({ accessKey, action, bucket, key, context }: ImaginedRequest): Explained {
    const { request, rest } = splitContext(context);
    const resource = key === '' ? bucket : `${bucket}/${key}`;
    const credentials: Credentials = {
      presented: accessKey === '' ? { $case: 'anonymous', value: {} } : { $case: 'named', value: { accessKey } },
    };
    const { accesses } = this.#authorizer.prepare({
      credentials,
      accesses: [access(action, resource, rest)],
      context: request,
    });
    const [prepared] = accesses;
    if (prepared === undefined) throw new Error('one access was asked about, none was prepared');
    return explainAccess(prepared);
  }
}

/** What is true of the request itself, out of keys; the rest belongs to the access. */
function splitContext(context: ImaginedRequest['context']): {
  request: RequestContext;
  rest: Record<string, readonly string[]>;
} {
  const rest = { ...context };
  const take = (name: string): string | undefined => {
    const value = rest[name]?.[0];
    delete rest[name];
    return value;
  };
  const time = take('aws:CurrentTime');
  const epoch = take('aws:EpochTime');
  const timeMs = time !== undefined ? Date.parse(time) : epoch !== undefined ? Number(epoch) * 1000 : 0;
  const request: RequestContext = {
    requestId: '',
    sourceAddress: take('aws:SourceIp') ?? '',
    secureTransport: take('aws:SecureTransport') === 'true',
    userAgent: take('aws:UserAgent') ?? '',
    referer: take('aws:Referer') ?? '',
    timeMs: Number.isFinite(timeMs) ? BigInt(Math.trunc(timeMs)) : 0n,
    keys: {},
  };
  return { request, rest };
}
