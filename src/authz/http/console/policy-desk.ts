// What people ask about policies without using anything: is this document right, and what would be decided, and why. Nothing here
// is audited as a request, because nothing is requested.
import type { Credentials, RequestContext } from '../../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { RecentDecision, RecentDecisions } from '../../audit/recent-decisions.ts';
import { type Explained, explainAccess } from '../../grpc/explain.ts';
import { AskFault } from '../../identity/ask-fault.ts';
import { AuthRefusal } from '../../identity/auth-refusal.ts';
import { Authorizer, type AuthorizerOptions, decideAccess } from '../../identity/authorizer.ts';
import type { RootUser } from '../../identity/known-identities.ts';
import type { PolicySettings } from '../../identity/policy-program.ts';
import { IamSnapshot } from '../../identity/snapshot.ts';
import { type PolicyIssue, type PolicyKind, parsePolicy } from '../../policy/index.ts';
import { diffPolicies, type Witness } from '../../policy-diff/diff-policies.ts';
import { type IamRecords, isUnreadable } from '../../store/iam-store.ts';
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

export interface PolicyDeskOptions extends Omit<AuthorizerOptions, 'trustCallers' | 'bearers'> {
  readonly root: RootUser;
}

/** Decisions of one comparison: a search holds up whoever asks for a decision meanwhile. */
const COMPARE_BUDGET = 20_000;
/** Witnesses shown of each direction. */
const WITNESSES = 10;

/** A request that was made, and what another document would have decided. */
export interface DecidedOtherwise {
  readonly decision: RecentDecision;
  readonly before: string;
  readonly after: string;
}

export class PolicyDesk {
  readonly settings: PolicySettings;
  readonly #options: PolicyDeskOptions;

  constructor(options: PolicyDeskOptions) {
    this.settings = options.settings;
    this.#options = options;
  }

  /** What a change of a document newly allows and denies, as far as a short search finds it. */
  compare(before: string, after: string, kind: PolicyKind, bucket: string): object {
    const diff = diffPolicies(before, after, {
      dialect: this.settings.dialect,
      kind,
      ...(bucket === '' ? {} : { bucket }),
      budget: COMPARE_BUDGET,
      most: WITNESSES,
    });
    if (diff.kind === 'invalid') return diff;
    const witness = ({ request }: Witness): object => ({
      principal: request.principal.user,
      action: request.action,
      resource: request.object === '' ? request.bucket : `${request.bucket}/${request.object}`,
      context: Object.fromEntries(request.keys),
    });
    return { ...diff, newlyAllowed: diff.newlyAllowed.map(witness), newlyDenied: diff.newlyDenied.map(witness) };
  }

  /**
   * Which of the requests of the last while would have been decided otherwise, if the policy of that name, or of that bucket, were this
   * document. What is kept of a request is decided again under both, so that nothing but the document makes a difference.
   */
  replay(
    of: { readonly name: string } | { readonly bucket: string },
    document: string,
    decisions: RecentDecisions,
  ): readonly DecidedOtherwise[] {
    const { directory, root, settings } = this.#options;
    const { current } = directory;
    const records =
      'name' in of
        ? withPolicy(current.records, of.name, document)
        : withBucketPolicy(current.records, of.bucket, document);
    const changed = new IamSnapshot(records, root, settings, current);
    const now = this.#deciderOf(current);
    const then = this.#deciderOf(changed);
    return decisions.all().flatMap((decision) => {
      const before = now(decision);
      const after = then(decision);
      return before === after ? [] : [{ decision, before, after }];
    });
  }

  /** Decides requests again by a snapshot; 'Unauthenticated' for who is not there any more. */
  #deciderOf(snapshot: IamSnapshot): (decision: RecentDecision) => string {
    const authorizer = this.#authorizerOf(snapshot);
    return ({ accessKey, action, resource, sourceAddress }) => {
      try {
        const [prepared] = authorizer.prepare({
          credentials: presented(accessKey),
          accesses: [access(action, resource, {})],
          context: { ...NO_CONTEXT, sourceAddress },
        }).accesses;
        return prepared === undefined ? '' : decideAccess(prepared).outcome;
      } catch (error) {
        if (error instanceof AuthRefusal || error instanceof AskFault) return 'Unauthenticated';
        throw error;
      }
    };
  }

  /** Whoever may use the desk may ask in everyone's name: these are no requests. */
  #authorizerOf(snapshot: IamSnapshot): Authorizer {
    const directory = {
      current: snapshot,
      onChange: () => () => undefined,
      refreshForUnknownKey: () => undefined,
      refreshIfOlder: () => undefined,
    };
    return new Authorizer({ ...this.#options, directory, trustCallers: true });
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
    const { accesses } = this.#authorizerOf(this.#options.directory.current).prepare({
      credentials: presented(accessKey),
      accesses: [access(action, resource, rest)],
      context: request,
    });
    const [prepared] = accesses;
    if (prepared === undefined) throw new Error('one access was asked about, none was prepared');
    return explainAccess(prepared);
  }
}

function withPolicy(records: IamRecords, name: string, document: string): IamRecords {
  return { ...records, policies: new Map([...records.policies, [name, document]]) };
}

function withBucketPolicy(records: IamRecords, bucket: string, document: string): IamRecords {
  const known = records.buckets.get(bucket);
  const before =
    known === undefined || isUnreadable(known) ? { createdMs: 0, lockEnabled: false, documents: new Map() } : known;
  const record = { ...before, documents: new Map([...before.documents, ['policy' as const, document]]) };
  return { ...records, buckets: new Map([...records.buckets, [bucket, record]]) };
}

const NO_CONTEXT: RequestContext = {
  requestId: '',
  sourceAddress: '',
  secureTransport: false,
  userAgent: '',
  referer: '',
  timeMs: 0n,
  keys: {},
};

function presented(accessKey: string): Credentials {
  return { presented: accessKey === '' ? { $case: 'anonymous', value: {} } : { $case: 'named', value: { accessKey } } };
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
