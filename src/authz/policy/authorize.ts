// Statements → one Decision. Every precedence is written here, and only here: a matching Deny refuses, whatever else matches; then
// the session policy and the boundary must allow; then any Allow permits. How identity and bucket policies meet is the dialect's.
import { Evaluation } from './condition/evaluation.ts';
import { comparableAction } from './match/action.ts';
import { NAMING, type Naming } from './match/principal.ts';
import { type ResourceText, resourceText } from './match/resource.ts';
import type { PolicyProgram } from './program.ts';
import type { Decision, PolicyRequest, StatementRef } from './request.ts';
import type { EntryVisitor, IndexEntry, StatementIndex } from './statement-index.ts';
import { namingOf, statementVerdict } from './statement-verdict.ts';

/** Decides a request. Pure: the same program and request give the same decision. */
export function authorize(program: PolicyProgram, request: PolicyRequest): Decision {
  const { dialect, bucketAlone } = program;
  if (request.principal.type === 'Root' && program.session === undefined && dialect.rootIsAllowed && !bucketAlone) {
    return ROOT_DECISION;
  }
  if (!program.requestRules) return decide(program, request, request.action);
  const first = decideVersion(program, request) ?? decide(program, request, request.action);
  if (!isListing(program, request, first)) return first;
  return unlessDoubtful(decide(program, request, 's3:ListBucket'), program, request, request.action);
}

/** An Allow of one of two actions that a request is, unless a fact that is not told may deny the other one. */
function unlessDoubtful(decision: Decision, program: PolicyProgram, request: PolicyRequest, other: string): Decision {
  if (decision.outcome !== 'Allow' || request.unknownKeys === undefined) return decision;
  const allowed = decide(program, request, other, true);
  return allowed.outcome === 'Allow' ? decision : allowed;
}

/** Listing versions is listing, for those who may list and are not denied the versions. `first`: the decision on the versions. */
function isListing({ dialect }: PolicyProgram, { action }: PolicyRequest, first: Decision): boolean {
  return action === 's3:ListBucketVersions' && first.outcome === 'ImplicitDeny' && dialect.listingIncludesVersions;
}

/** The actions that statements are held against for a request: the one that is asked for, and another that it is as well. */
export function consideredActions(program: PolicyProgram, request: PolicyRequest): readonly string[] {
  const { action } = request;
  const versionAction = versionActionOf(program, request);
  if (versionAction !== undefined) return [action, versionAction];
  const listing =
    program.requestRules &&
    action === 's3:ListBucketVersions' &&
    isListing(program, request, decide(program, request, action));
  return listing ? [action, 's3:ListBucket'] : [action];
}

/** The decision on a request that names a version, where that is more than one on its action. */
function decideVersion(program: PolicyProgram, request: PolicyRequest): Decision | undefined {
  const versionAction = versionActionOf(program, request);
  if (versionAction === undefined) return undefined;
  const ofVersion = decide(program, request, versionAction);
  if (ofVersion.outcome === 'ExplicitDeny') return ofVersion;
  const ofObject = decide(program, request, request.action);
  if (program.dialect.namedVersion !== 'eitherAction') {
    return unlessDoubtful(ofObject, program, request, versionAction);
  }
  if (ofObject.outcome === 'NeedsFacts' && ofVersion.outcome === 'NeedsFacts') {
    return { outcome: 'NeedsFacts', keys: [...new Set([...ofObject.keys, ...ofVersion.keys])] };
  }
  return PRECEDENCE.indexOf(ofVersion.outcome) < PRECEDENCE.indexOf(ofObject.outcome)
    ? unlessDoubtful(ofVersion, program, request, request.action)
    : unlessDoubtful(ofObject, program, request, versionAction);
}

/** Of two decisions on one request: what is not known yet may be a Deny, and one Allow will do. */
const PRECEDENCE: readonly Decision['outcome'][] = [
  'ExplicitDeny',
  'EvaluationError',
  'NeedsFacts',
  'Allow',
  'ImplicitDeny',
];

/** The second action that a request is because it names a version. */
function versionActionOf({ dialect, requestRules }: PolicyProgram, request: PolicyRequest): string | undefined {
  if (!requestRules || dialect.namedVersion === 'ignored') return undefined;
  const version = request.keys.get('s3:versionid')?.[0];
  if (version === undefined || version === '') return undefined;
  if (dialect.namedVersion === 'deletionDenied' && request.action !== 's3:DeleteObject') return undefined;
  return VERSION_ACTIONS.get(request.action);
}

/** The action on a version of each action on an object that can name one. */
export const VERSION_ACTIONS: ReadonlyMap<string, string> = new Map([
  ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  ['s3:DeleteObjectTagging', 's3:DeleteObjectVersionTagging'],
  ['s3:GetObject', 's3:GetObjectVersion'],
  ['s3:GetObjectAcl', 's3:GetObjectVersionAcl'],
  ['s3:GetObjectAttributes', 's3:GetObjectVersionAttributes'],
  ['s3:GetObjectTagging', 's3:GetObjectVersionTagging'],
  ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'],
  ['s3:PutObjectTagging', 's3:PutObjectVersionTagging'],
]);

/** A document's part in a decision: its statements, and the resource as they see it. */
export interface Consulted {
  readonly index: StatementIndex;
  readonly text: ResourceText;
}

/** The documents that a request is held against. */
export interface ConsultedDocuments {
  readonly identity: Consulted | undefined;
  readonly session: Consulted | undefined;
  readonly boundary: Consulted | undefined;
  readonly bucket: Consulted | undefined;
}

function isAnonymous(program: PolicyProgram, request: PolicyRequest): boolean {
  return program.bucketAlone || request.principal.type === 'Anonymous';
}

function isAllowedRoot(program: PolicyProgram, request: PolicyRequest): boolean {
  return request.principal.type === 'Root' && program.dialect.rootIsAllowed;
}

/** The bucket's document, where it binds the requester. */
function consultedBucket(program: PolicyProgram, request: PolicyRequest): Consulted | undefined {
  const { bucket, dialect } = program;
  if (bucket === undefined) return undefined;
  const rules = dialect.bucketResource;
  if (request.bucket === '' && rules.form === 'path') return undefined;
  const binds =
    isAnonymous(program, request) || (program.bucketPolicies === 'everyone' && !isAllowedRoot(program, request));
  return binds ? { index: bucket, text: resourceText(request, rules) } : undefined;
}

/** All that are looked at, for an explanation. */
export function consulted(program: PolicyProgram, request: PolicyRequest): ConsultedDocuments {
  const bucket = consultedBucket(program, request);
  if (isAnonymous(program, request)) return { identity: undefined, session: undefined, boundary: undefined, bucket };
  const text = resourceText(request, program.dialect.identityResource);
  const { identity, session, boundary } = program;
  return {
    identity: isAllowedRoot(program, request) ? undefined : { index: identity, text },
    session: session === undefined || session === 'unparsable' ? undefined : { index: session, text },
    boundary: boundary === undefined ? undefined : { index: boundary, text },
    bucket,
  };
}

/** `granted`: as if every document allowed the action, so that only what denies it, or may, is left. */
function decide(program: PolicyProgram, request: PolicyRequest, asked: string, granted = false): Decision {
  const { dialect, session } = program;
  const action = comparableAction(asked, dialect.actions);
  const evaluation = new Evaluation(request);
  const ofBucket = consultedBucket(program, request);
  const bucket = ofBucket === undefined ? NOTHING : find(ofBucket.index, ofBucket.text, action, evaluation, granted);
  if (isAnonymous(program, request)) {
    return isNotForAnonymous(program, request, asked) ? ANONYMOUS : concludeAlone(bucket, evaluation, 'Anonymous');
  }
  const root = isAllowedRoot(program, request);
  if (!program.hasIdentityPolicies && !root && dialect.identityPoliciesRequired) return WITHOUT_POLICY;
  const text = resourceText(request, dialect.identityResource);
  const identity = root ? ROOT : find(program.identity, text, action, evaluation, granted);
  if (session === 'unparsable') {
    return identity.deny === undefined
      ? UNPARSABLE
      : { outcome: 'ExplicitDeny', by: identity.deny, reason: 'ExplicitDeny' };
  }
  if (session === undefined && program.boundary === undefined && ofBucket === undefined && !accountsMeet(program)) {
    return concludeAlone(identity, evaluation, 'NoPolicyAllows');
  }
  const limits: Finding[] = [];
  if (session !== undefined) limits.push(find(session, text, action, evaluation, granted));
  const boundary =
    program.boundary === undefined ? undefined : find(program.boundary, text, action, evaluation, granted);
  if (accountsMeet(program)) return betweenAccounts(request, { identity, bucket, boundary, limits }, evaluation);
  if (boundary !== undefined) limits.push(boundary);
  return conclude(limits, bucket === NOTHING ? identity : merge(identity, bucket), evaluation, 'NoPolicyAllows');
}

/** Nobody may list the buckets without a name, and the service itself has nothing for the anonymous. */
function isNotForAnonymous(
  { dialect, bucketAlone, requestRules }: PolicyProgram,
  request: PolicyRequest,
  asked: string,
) {
  if (!dialect.anonymousNeedsBucket || bucketAlone) return false;
  return request.bucket === '' || (requestRules && asked === 's3:ListAllMyBuckets');
}

function accountsMeet({ dialect, requestRules }: PolicyProgram): boolean {
  return dialect.bucketGrants === 'betweenAccounts' && requestRules;
}

/**
 * Identity and bucket policies of accounts. In one account either may grant: the bucket policy to whom it names, as a principal or by
 * the role; naming the account only leaves it to the identity policies. Between accounts both must. A boundary limits what identity
 * policies and roles grant, not what a bucket policy grants to the very principal.
 */
function betweenAccounts(
  request: PolicyRequest,
  found: { identity: Finding; bucket: Finding; boundary: Finding | undefined; limits: Finding[] },
  evaluation: Evaluation,
): Decision {
  const { identity, bucket, boundary, limits } = found;
  const sameAccount = (request.resourceAccount ?? request.principal.account) === request.principal.account;
  if (!sameAccount) {
    return conclude(
      boundary === undefined ? [...limits, bucket] : [...limits, bucket, boundary],
      identity,
      evaluation,
      'CrossAccount',
    );
  }
  const granting = bucket.naming >= NAMING.role ? merge(identity, bucket) : merge(identity, withoutAllow(bucket));
  const limited = boundary !== undefined && bucket.naming < NAMING.principal;
  if (boundary !== undefined && !limited) limits.push(withoutLimit(boundary));
  return conclude(
    limited && boundary !== undefined ? [...limits, boundary] : limits,
    granting,
    evaluation,
    'NoPolicyAllows',
  );
}

/** What one set of documents says. */
interface Finding {
  deny: StatementRef | undefined;
  allow: StatementRef | undefined;
  /** How the allowing statements name the requester, at best. */
  naming: Naming;
  fault: StatementRef | undefined;
  unknownDeny: boolean;
  unknownAllow: boolean;
}

const ROOT_REF: StatementRef = { policy: 'root', sid: undefined, index: 0 };
const NOTHING: Finding = {
  deny: undefined,
  allow: undefined,
  naming: NAMING.none,
  fault: undefined,
  unknownDeny: false,
  unknownAllow: false,
};
const ROOT: Finding = { ...NOTHING, allow: ROOT_REF, naming: NAMING.principal };
const ROOT_DECISION: Decision = { outcome: 'Allow', by: undefined, reason: 'Root' };
const ANONYMOUS: Decision = { outcome: 'ImplicitDeny', reason: 'Anonymous' };
const WITHOUT_POLICY: Decision = { outcome: 'ImplicitDeny', reason: 'NoPolicy' };
const UNPARSABLE: Decision = { outcome: 'ImplicitDeny', reason: 'SessionPolicyUnparsable' };

const withoutAllow = (finding: Finding): Finding => ({ ...finding, allow: undefined, unknownAllow: false });
/** Its Deny statements count, what it does not allow does not. */
const withoutLimit = (finding: Finding): Finding => ({ ...finding, allow: finding.allow ?? ROOT_REF });

function merge(a: Finding, b: Finding): Finding {
  return {
    deny: a.deny ?? b.deny,
    allow: a.allow ?? b.allow,
    naming: a.naming > b.naming ? a.naming : b.naming,
    fault: a.fault ?? b.fault,
    unknownDeny: a.unknownDeny || b.unknownDeny,
    unknownAllow: a.unknownAllow || b.unknownAllow,
  };
}

function conclude(limits: readonly Finding[], granting: Finding, evaluation: Evaluation, refusal: string): Decision {
  if (limits.length === 0) return concludeAlone(granting, evaluation, refusal);
  const all = [...limits, granting];
  const deny = all.find((finding) => finding.deny !== undefined)?.deny;
  if (deny !== undefined) return { outcome: 'ExplicitDeny', by: deny, reason: 'ExplicitDeny' };
  const fault = all.find((finding) => finding.fault !== undefined)?.fault;
  if (fault !== undefined) return { outcome: 'EvaluationError', at: fault, reason: 'ConditionFault' };
  const hopeless = all.find((finding) => finding.allow === undefined && !finding.unknownAllow);
  if (hopeless !== undefined) {
    return { outcome: 'ImplicitDeny', reason: hopeless === granting ? refusal : 'SessionPolicy' };
  }
  if (all.some((finding) => finding.unknownDeny || finding.allow === undefined)) {
    return { outcome: 'NeedsFacts', keys: evaluation.missing };
  }
  return { outcome: 'Allow', by: granting.allow, reason: granting.allow === ROOT_REF ? 'Root' : 'Allow' };
}

function concludeAlone(granting: Finding, evaluation: Evaluation, refusal: string): Decision {
  const { deny, fault, allow } = granting;
  if (deny !== undefined) return { outcome: 'ExplicitDeny', by: deny, reason: 'ExplicitDeny' };
  if (fault !== undefined) return { outcome: 'EvaluationError', at: fault, reason: 'ConditionFault' };
  if (allow === undefined && !granting.unknownAllow) return { outcome: 'ImplicitDeny', reason: refusal };
  if (allow === undefined || granting.unknownDeny) return { outcome: 'NeedsFacts', keys: evaluation.missing };
  return { outcome: 'Allow', by: allow, reason: allow === ROOT_REF ? 'Root' : 'Allow' };
}

/** Collects what the statements of one document say. */
class Finder implements EntryVisitor, Finding {
  deny: StatementRef | undefined;
  allow: StatementRef | undefined;
  naming: Naming = NAMING.none;
  fault: StatementRef | undefined;
  unknownDeny = false;
  unknownAllow = false;
  readonly #text: ResourceText;
  readonly #evaluation: Evaluation;
  readonly #all: boolean;

  /** `all`: look at every statement, so that the answer does not hang on their order. */
  constructor(text: ResourceText, evaluation: Evaluation, all: boolean) {
    this.#text = text;
    this.#all = all;
    this.#evaluation = evaluation;
  }

  get denied(): boolean {
    return this.deny !== undefined;
  }

  visit(entry: IndexEntry, begun: boolean): boolean {
    return entry.certain && begun ? this.#matched(entry) : this.#look(entry, begun);
  }

  #matched({ denies, ref }: IndexEntry): boolean {
    if (denies) {
      this.deny = ref;
      return true;
    }
    this.allow = ref;
    this.naming = NAMING.principal;
    return !this.#all;
  }

  #look({ statement, resource }: IndexEntry, begun: boolean): boolean {
    const naming = namingOf(statement, this.#evaluation);
    if (naming === NAMING.none) return false;
    const admitted = begun && resource?.onlyHead === true;
    const verdict = statementVerdict(statement, admitted ? 'admitted' : resource, this.#text, this.#evaluation);
    if (verdict === 'noMatch') return false;
    const denies = statement.effect === 'Deny';
    if (naming === 'fault' || verdict === 'fault') this.fault ??= statement.ref;
    else if (verdict === 'unknown') {
      if (denies) this.unknownDeny = true;
      else this.unknownAllow = true;
    } else if (denies) {
      this.deny = statement.ref;
      return true;
    } else {
      if (naming > this.naming) {
        this.allow = statement.ref;
        this.naming = naming;
      }
      // Nothing names more strongly.
      return naming === NAMING.principal && !this.#all;
    }
    return false;
  }
}

function find(
  index: StatementIndex,
  text: ResourceText,
  action: string,
  evaluation: Evaluation,
  granted: boolean,
): Finding {
  const finder = new Finder(text, evaluation, index.mayFault);
  index.visit(text, action, finder);
  return granted ? withoutLimit(finder) : finder;
}
