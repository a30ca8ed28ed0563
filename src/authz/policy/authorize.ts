// Statements → one Decision. Every precedence is written here, and only here:
// a matching Deny refuses, whatever else matches; then a session policy and a boundary must allow; then any Allow permits.
import { KeySpace } from './condition/key-space.ts';
import { matchesPrincipal } from './match/principal.ts';
import { admitsResource, bucketResource, identityResource, type ResourceText } from './match/resource.ts';
import type { CompiledStatement } from './policy.ts';
import type { PolicyProgram, StatementIndex } from './program.ts';
import type { Decision, PolicyRequest, StatementRef } from './request.ts';

/** Whether a statement matches: 'unknown' hangs on a fact that the caller has not told, 'fault' cannot be evaluated. */
export type StatementVerdict = 'match' | 'noMatch' | 'unknown' | 'fault';

/** Evaluates one statement whose action is known to match. `unknown` collects the keys that are missing. */
export function evaluateStatement(
  statement: CompiledStatement,
  request: PolicyRequest,
  resource: ResourceText,
  keys: KeySpace,
  program: PolicyProgram,
  unknown: Set<string>,
): StatementVerdict {
  const { dialect } = program;
  if (statement.principals !== undefined && !matchesPrincipal(statement.principals, request.principal, dialect))
    return 'noMatch';
  if (!admitsResource(statement, request.bucket, resource, keys, dialect)) return 'noMatch';
  let verdict: StatementVerdict = 'match';
  const missing: string[] = [];
  for (const condition of statement.conditions) {
    if (keys.isUnknown(condition.key)) {
      missing.push(condition.key);
      if (verdict === 'match') verdict = 'unknown';
      continue;
    }
    const holds = condition.test.test(keys.values(condition.key), keys.variable);
    if (holds === false) return 'noMatch';
    if (holds === 'fault') verdict = 'fault';
  }
  if (verdict === 'unknown') for (const key of missing) unknown.add(key);
  return verdict;
}

/** What one set of documents says. */
interface Finding {
  deny?: StatementRef;
  allow?: StatementRef;
  fault?: StatementRef;
  unknownDeny: boolean;
  unknownAllow: boolean;
}

/** Decides a request. Pure: the same program and request give the same decision. */
export function authorize(program: PolicyProgram, request: PolicyRequest): Decision {
  const { principal } = request;
  const keys = new KeySpace(request.keys, request.unknownKeys, program.dialect);
  if (principal.type === 'Root' && program.session === undefined && !program.bucketAlone) {
    return { outcome: 'Allow', by: undefined, reason: 'Root' };
  }
  if (!program.requestRules) return decide(program, request, keys);
  const first = deniedVersion(program, request, keys) ?? decide(program, request, keys);
  // Listing versions is listing, for those who may list and are not denied the versions.
  if (request.action === 's3:ListBucketVersions' && first.outcome === 'ImplicitDeny') {
    return decide(program, { ...request, action: 's3:ListBucket' }, keys);
  }
  return first;
}

/** Deleting a named version needs that no statement denies DeleteObjectVersion. */
function deniedVersion(program: PolicyProgram, request: PolicyRequest, keys: KeySpace): Decision | undefined {
  if (!program.dialect.deleteVersionDeny || request.action !== 's3:DeleteObject') return undefined;
  const version = keys.values('s3:versionid')?.[0];
  if (version === undefined || version === '') return undefined;
  const decision = decide(program, { ...request, action: 's3:DeleteObjectVersion' }, keys);
  return decision.outcome === 'ExplicitDeny' ? decision : undefined;
}

function decide(program: PolicyProgram, request: PolicyRequest, keys: KeySpace): Decision {
  const anonymous = request.principal.type === 'Anonymous' || program.bucketAlone;
  const root = request.principal.type === 'Root';
  const unknown = new Set<string>();
  const { bucket, object } = request;
  const asIdentity = identityResource(bucket, object);
  const look = (index: StatementIndex, resource: ResourceText): Finding =>
    find(index, request, resource, keys, program, unknown);

  const byBucketPolicy = anonymous || (program.bucketPolicies === 'everyone' && !root);
  const bucketFinding =
    program.bucket !== undefined && byBucketPolicy && bucket !== ''
      ? look(program.bucket, bucketResource(bucket, object, program.dialect))
      : NOTHING;
  if (anonymous) {
    // Nobody may list the buckets without a name.
    if (bucket === '' || (program.requestRules && request.action === 's3:ListAllMyBuckets'))
      return { outcome: 'ImplicitDeny', reason: 'Anonymous' };
    return conclude([], bucketFinding, unknown, 'Anonymous');
  }
  const identity: Finding = root ? { ...NOTHING, allow: ROOT } : look(program.identity, asIdentity);
  if (program.session === 'unparsable') {
    return identity.deny === undefined
      ? { outcome: 'ImplicitDeny', reason: 'SessionPolicyUnparsable' }
      : { outcome: 'ExplicitDeny', by: identity.deny, reason: 'ExplicitDeny' };
  }
  const limits = [program.session, program.boundary]
    .filter((index): index is StatementIndex => index !== undefined)
    .map((index) => look(index, asIdentity));
  return conclude(limits, merge(identity, bucketFinding), unknown, 'NoPolicyAllows');
}

const NOTHING: Finding = { unknownDeny: false, unknownAllow: false };
const ROOT: StatementRef = { policy: 'root', sid: undefined, index: 0 };

function merge(a: Finding, b: Finding): Finding {
  const deny = a.deny ?? b.deny;
  const allow = a.allow ?? b.allow;
  const fault = a.fault ?? b.fault;
  return {
    ...(deny === undefined ? {} : { deny }),
    ...(allow === undefined ? {} : { allow }),
    ...(fault === undefined ? {} : { fault }),
    unknownDeny: a.unknownDeny || b.unknownDeny,
    unknownAllow: a.unknownAllow || b.unknownAllow,
  };
}

function conclude(
  limits: readonly Finding[],
  granting: Finding,
  unknown: ReadonlySet<string>,
  refusal: string,
): Decision {
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
    return { outcome: 'NeedsFacts', keys: [...unknown] };
  }
  return { outcome: 'Allow', by: granting.allow, reason: granting.allow === ROOT ? 'Root' : 'Allow' };
}

/** The buckets that a pattern may name and match: the request's own, and the one that its cleaned path lies in. */
function bucketsNamed(bucket: string, { cleaned }: ResourceText): ReadonlySet<string> {
  return cleaned === undefined ? new Set([bucket]) : new Set([bucket, cleaned.split('/', 1)[0] as string]);
}

function find(
  index: StatementIndex,
  request: PolicyRequest,
  resource: ResourceText,
  keys: KeySpace,
  program: PolicyProgram,
  unknown: Set<string>,
): Finding {
  const finding: Finding = { unknownDeny: false, unknownAllow: false };
  for (const statements of index.candidates(request.action, bucketsNamed(request.bucket, resource))) {
    for (const statement of statements) {
      // Once something allows, only a Deny can still change the answer.
      if (statement.effect === 'Allow' && finding.allow !== undefined) continue;
      const verdict = evaluateStatement(statement, request, resource, keys, program, unknown);
      if (verdict === 'noMatch') continue;
      if (verdict === 'fault') finding.fault = statement.ref;
      else if (verdict === 'unknown') finding[statement.effect === 'Deny' ? 'unknownDeny' : 'unknownAllow'] = true;
      else if (statement.effect === 'Deny') {
        finding.deny = statement.ref;
        return finding;
      } else finding.allow = statement.ref;
    }
  }
  return finding;
}
