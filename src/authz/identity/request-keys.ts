// The condition keys of a request. Those that this service derives (who, when, how signed, from where) are refused from callers;
// the rest is taken from the request's and the access's context.
import type { Access, ConditionValues, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { DialectName } from '../policy/request.ts';
import { AskFault } from './ask-fault.ts';
import { type Identified, policyName } from './principal.ts';
import type { VerifiedSignature } from './verified-signature.ts';

/** Condition keys in one context, values of one key, and characters of one value. */
export const MAX_CONTEXT_KEYS = 200;
export const MAX_KEY_VALUES = 1_000;
export const MAX_VALUE_LENGTH = 16 * 1024;
export const MAX_KEY_LENGTH = 512;

/** Lower-case names of keys that only this service may set. */
const DERIVED: ReadonlySet<string> = new Set(
  [
    'aws:SourceIp',
    'aws:SecureTransport',
    'aws:UserAgent',
    'aws:Referer',
    'aws:referrer',
    'aws:CurrentTime',
    'aws:EpochTime',
    'aws:TokenIssueTime',
    'aws:username',
    'aws:userid',
    'aws:groups',
    's3:signatureversion',
    's3:authType',
    's3:signatureAge',
    's3:x-amz-content-sha256',
    'x-amz-content-sha256',
  ].map((name) => name.toLowerCase()),
);
const DERIVED_PREFIXES = ['aws:principal', 'jwt:', 'ldap:', 'sts:', 'svc:', 'aws:federated', 'aws:multifactor'];

/** Dialects whose engines have the general keys in every request, possibly empty. */
const ALWAYS_PRESENT: ReadonlySet<DialectName> = new Set(['portcullis', 'juicefs', 'minio']);

/** Those whose engines say of every request which version it names, and be it none. */
const FLAT_ALWAYS: ReadonlySet<DialectName> = new Set(['juicefs', 'minio']);

export type Keys = ReadonlyMap<string, readonly string[]>;

export interface KeyFacts {
  readonly dialect: DialectName;
  readonly identified: Identified;
  readonly groups: readonly string[];
  readonly signature: VerifiedSignature | undefined;
  readonly context: RequestContext | undefined;
  readonly nowMs: number;
}

/** The keys that all accesses of a request share. Throws AskFault for a context that may not be. */
export function requestKeys(facts: KeyFacts): Map<string, readonly string[]> {
  const { dialect, identified, signature, context, nowMs } = facts;
  const keys = new Map<string, readonly string[]>();
  const alwaysPresent = ALWAYS_PRESENT.has(dialect);
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined && (value !== '' || alwaysPresent)) keys.set(name, value === '' ? EMPTY : [value]);
  };
  if (FLAT_ALWAYS.has(dialect)) keys.set('s3:versionid', EMPTY);
  if (context !== undefined) addContext(keys, context.keys);
  const name = policyName(identified, dialect);
  const time = timeValues(nowMs);
  keys.set('aws:CurrentTime', time.current);
  keys.set('aws:EpochTime', time.epoch);
  keys.set('aws:SecureTransport', context?.secureTransport === true ? TRUE : FALSE);
  if (context?.sourceAddress) keys.set('aws:SourceIp', [context.sourceAddress]);
  put('aws:UserAgent', context?.userAgent ?? '');
  put('aws:Referer', context?.referer ?? '');
  put('aws:username', name);
  put('aws:userid', name);
  keys.set(dialect === 'aws' ? 'aws:PrincipalType' : 'aws:principaltype', [principalType(identified)]);
  if (facts.groups.length > 0 && dialect !== 'juicefs') keys.set('aws:groups', facts.groups);
  put('s3:signatureversion', signature?.version ?? '');
  put('s3:authType', signature?.authType ?? '');
  if (signature?.authType === 'REST-QUERY-STRING' && signature.signedAtMs !== undefined) {
    keys.set('s3:signatureAge', [String(Math.max(0, nowMs - signature.signedAtMs))]);
  }
  // What another system says of somebody comes last: `ldap:username` is the name that `aws:username` means, too.
  if (identified.type === 'Known' && identified.owner.type === 'External') {
    for (const [key, values] of identified.owner.keys) keys.set(key, values);
  }
  if (signature?.payloadHash !== undefined) keys.set('s3:x-amz-content-sha256', [signature.payloadHash]);
  return keys;
}

const TRUE = ['true'];
const FALSE = ['false'];
const EMPTY = [''];

interface TimeValues {
  readonly nowMs: number;
  readonly current: readonly string[];
  readonly epoch: readonly string[];
}

let lastTime: TimeValues = { nowMs: Number.NaN, current: [], epoch: [] };

/** A busy service decides many requests in one millisecond. */
function timeValues(nowMs: number): TimeValues {
  if (lastTime.nowMs !== nowMs) {
    lastTime = { nowMs, current: [new Date(nowMs).toISOString()], epoch: [String(Math.floor(nowMs / 1000))] };
  }
  return lastTime;
}

/** The keys of one access: the request's and its own. Throws AskFault. */
export function accessKeys(shared: Keys, access: Access): Keys {
  const names = Object.keys(access.context);
  if (names.length === 0) return shared;
  const keys = new Map(shared);
  addContext(keys, access.context);
  return keys;
}

/**
 * What the caller can find out and may leave out: the tags of an object. A condition on one that the access does not name asks for
 * it; a name with no values says that the object does not have the tag.
 */
export const OBJECT_FACTS: ReadonlySet<string> = new Set(['s3:ExistingObjectTag/']);

function addContext(keys: Map<string, readonly string[]>, context: Readonly<Record<string, ConditionValues>>): void {
  const entries = Object.entries(context);
  if (entries.length > MAX_CONTEXT_KEYS) throw AskFault.malformed(`a context has more than ${MAX_CONTEXT_KEYS} keys`);
  for (const [name, { values }] of entries) {
    if (name.length > MAX_KEY_LENGTH || !/^[a-z0-9]+:./.test(name)) {
      throw AskFault.malformed(`${JSON.stringify(name.slice(0, 60))} is not a condition key; write e.g. "s3:prefix"`);
    }
    if (isDerived(name)) throw AskFault.malformed(`the condition key ${name} is set by this service alone`);
    if (values.length > MAX_KEY_VALUES || values.some((value) => value.length > MAX_VALUE_LENGTH)) {
      throw AskFault.malformed(`the condition key ${name} has too many values, or too long ones`);
    }
    keys.set(name, values);
  }
}

function isDerived(name: string): boolean {
  const lower = name.toLowerCase();
  return DERIVED.has(lower) || DERIVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

function principalType(identified: Identified): string {
  if (identified.type === 'Anonymous') return 'Anonymous';
  switch (identified.credential.type) {
    case 'Root':
      return 'Account';
    case 'User':
      return 'User';
    default:
      return 'AssumedRole';
  }
}
