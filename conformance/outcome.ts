// What an engine may answer to a vector, and whether that is what the vector expects of a dialect. All comparing is done here.
import type { Json, JsonObject, Vector } from './vector.ts';
import { isObject } from './vector.ts';

/**
 * An answer, by the vector's kind: a decision is one of `ALLOW`, `DENY`, `EXPLICIT_DENY`, `ERROR` (the engine refuses since it cannot
 * evaluate), `REFUSE` (refused, and the engine does not tell how) and `INVALID` (a document does not parse); the others are as FORMAT.md
 * says.
 */
export type Outcome = Json;

export interface Answer {
  readonly outcome: Outcome;
  /** How the engine came to it, for people. */
  readonly explanation?: string | undefined;
}

/** What a vector expects of one dialect, as an outcome would say it. */
export type Expected =
  | { readonly known: true; readonly outcome: Outcome }
  /** The line lacks what its kind needs. */
  | { readonly known: false; readonly problem: string };

export function expectedOf({ question, line }: Vector, dialect: string): Expected {
  switch (question.kind) {
    case 'parse':
      return parseExpectation(line, dialect);
    case 'key-table':
      return typeof line.accepted === 'boolean'
        ? { known: true, outcome: { accepted: line.accepted, keys: line.keys ?? null } }
        : missing('accepted');
    case 'cidr':
      return typeof line.expect === 'boolean'
        ? { known: true, outcome: { valid: line.expect, ...pick(line, 'normalized') } }
        : missing('expect');
    default: {
      const outcome = byDialect(line, 'expect', dialect);
      return outcome === undefined ? missing('expect') : { known: true, outcome };
    }
  }
}

function parseExpectation(line: JsonObject, dialect: string): Expected {
  const valid = byDialect(line, 'valid', dialect);
  if (typeof valid !== 'boolean') return missing('valid');
  const storable = byDialect(line, 'storable', dialect);
  const strict = dialect === 'minio' ? line.minio_strict_valid : undefined;
  return {
    known: true,
    outcome: {
      valid,
      ...(typeof storable === 'boolean' ? { storable } : {}),
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

function missing(member: string): Expected {
  return { known: false, problem: `the vector has no ${member} for this dialect` };
}

function byDialect(line: JsonObject, name: string, dialect: string): Json | undefined {
  const by = line[`${name}_by`];
  if (isObject(by) && Object.hasOwn(by, dialect)) return by[dialect];
  return line[name];
}

function pick(line: JsonObject, name: string): JsonObject {
  const value = line[name];
  return value === undefined ? {} : { [name]: value };
}

const REFUSALS: ReadonlySet<Json> = new Set(['DENY', 'EXPLICIT_DENY', 'ERROR', 'REFUSE']);

/** Whether an outcome is what is expected. */
export function agrees(vector: Vector, expected: Outcome, outcome: Outcome): boolean {
  switch (vector.question.kind) {
    case 'parse':
    case 'cidr':
      return isObject(expected) && agreesOnMembers(expected, outcome);
    case 'key-table':
      return agreesOnKeys(expected, outcome);
    case 'conditions':
      return agreesOnConditions(expected, outcome);
    case 'wildcard':
    case 'segment-match':
    case 'source-ip':
      return expected === outcome;
    default:
      // An abort is no decision: whatever does not let the request through is right.
      if (expected === 'ERROR' || outcome === 'REFUSE') return expected !== 'ALLOW' && REFUSALS.has(outcome);
      return expected === outcome;
  }
}

/** An answer may hold more than is asked for (the other member of a pair), and a bare boolean stands for `valid`. */
function agreesOnMembers(expected: JsonObject, outcome: Outcome): boolean {
  const answered = typeof outcome === 'boolean' ? { valid: outcome } : outcome;
  if (!isObject(answered)) return false;
  return Object.entries(expected).every(([name, value]) => {
    // Who does not tell how a block is written in full has still said whether it is one.
    if (name === 'normalized' && answered.normalized === undefined) return true;
    return answered[name] === value;
  });
}

function agreesOnKeys(expected: Outcome, outcome: Outcome): boolean {
  if (!isObject(expected) || !isObject(outcome)) return false;
  if (expected.accepted !== outcome.accepted) return false;
  return !Array.isArray(expected.keys) || sameSet(expected.keys, outcome.keys);
}

function sameSet(wanted: readonly Json[], got: Json | undefined): boolean {
  if (!Array.isArray(got)) return false;
  const names = new Set(got);
  return names.size === new Set(wanted).size && wanted.every((name) => names.has(name));
}

/** Seconds that a request may take to be described. */
const NOW_TOLERANCE_MS = 60_000;

/**
 * Condition values, by names that policies can speak of: names of headers and parameters that no condition key looks at say nothing.
 * An answer without a name says the same as one with an empty list.
 */
function agreesOnConditions(expected: Outcome, outcome: Outcome): boolean {
  if (!isObject(expected) || !isObject(outcome)) return false;
  return CONDITION_NAMES.every((name) => sameValues(expected[name], outcome[name]));
}

/** What an answer has otherwise than expected, in a few words; undefined for kinds whose outcomes speak for themselves. */
export function differenceText({ question }: Vector, expected: Outcome, outcome: Outcome): string | undefined {
  if (!isObject(expected) || !isObject(outcome)) return undefined;
  if (question.kind === 'conditions') {
    const names = CONDITION_NAMES.filter((name) => !sameValues(expected[name], outcome[name]));
    const shown = (values: Json | undefined): string => JSON.stringify(values ?? []);
    return names.map((name) => `${name}: wants ${shown(expected[name])}, seen ${shown(outcome[name])}`).join('\n');
  }
  if (question.kind !== 'key-table' || !Array.isArray(expected.keys) || !Array.isArray(outcome.keys)) return undefined;
  const wanted = new Set(expected.keys);
  const got = new Set(outcome.keys);
  return [
    ...[...wanted].filter((key) => !got.has(key)).map((key) => `${key} is admitted and was refused`),
    ...[...got].filter((key) => !wanted.has(key)).map((key) => `${key} is not admitted and was accepted`),
  ].join('\n');
}

function sameValues(wanted: Json | undefined, got: Json | undefined): boolean {
  // A key's values are a set: the same value twice is that value.
  const want = [...new Set(Array.isArray(wanted) ? wanted : [])];
  const have = [...new Set(Array.isArray(got) ? got : [])];
  if (want.length !== have.length) return false;
  return want.every((value, index) => (value === '<now>' ? isNow(have[index]) : value === have[index]));
}

function isNow(value: Json | undefined): boolean {
  if (typeof value !== 'string') return false;
  const time = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  return Math.abs(Date.now() - time) <= NOW_TOLERANCE_MS;
}

/** Condition keys that are asked about one by one to make a key table; `k` stands for any tag. */
export const PROBED_KEYS: readonly string[] = [
  'aws:Referer',
  'aws:SourceIp',
  'aws:UserAgent',
  'aws:SecureTransport',
  'aws:CurrentTime',
  'aws:EpochTime',
  'aws:principaltype',
  'aws:userid',
  'aws:username',
  'aws:groups',
  's3:signatureversion',
  's3:authType',
  's3:signatureAge',
  's3:x-amz-content-sha256',
  's3:LocationConstraint',
  's3:prefix',
  's3:delimiter',
  's3:max-keys',
  's3:versionid',
  's3:x-amz-copy-source',
  's3:x-amz-metadata-directive',
  's3:x-amz-annotation-directive',
  's3:x-amz-object-if-match',
  's3:x-amz-storage-class',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id',
  's3:x-amz-server-side-encryption-customer-algorithm',
  's3:object-lock-mode',
  's3:object-lock-legal-hold',
  's3:object-lock-retain-until-date',
  's3:object-lock-remaining-retention-days',
  's3:ExistingObjectTag/k',
  's3:RequestObjectTag/k',
  's3:RequestObjectTagKeys',
  'ldap:user',
  'ldap:username',
  'ldap:groups',
  'jwt:sub',
  'jwt:iss',
  'jwt:aud',
  'jwt:jti',
  'jwt:upn',
  'jwt:name',
  'jwt:groups',
  'jwt:given_name',
  'jwt:family_name',
  'jwt:middle_name',
  'jwt:nickname',
  'jwt:preferred_username',
  'jwt:profile',
  'jwt:picture',
  'jwt:website',
  'jwt:email',
  'jwt:gender',
  'jwt:birthdate',
  'jwt:phone_number',
  'jwt:address',
  'jwt:scope',
  'jwt:client_id',
  'sts:DurationSeconds',
  'svc:DurationSeconds',
];

/** The names of those keys without their service, and in the spelling of HTTP headers where they come from one. */
const CONDITION_NAMES: readonly string[] = PROBED_KEYS.flatMap((key) => {
  const name = key.slice(key.indexOf(':') + 1);
  return name.startsWith('x-amz-') || name.startsWith('object-lock-') ? [headerSpelling(name)] : [name];
});

/** `x-amz-copy-source` → `X-Amz-Copy-Source`. */
export function headerSpelling(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** Condition keys by names without their service, those out of headers as HTTP spells them. */
export function flatConditions(
  keys: Iterable<readonly [string, readonly string[]]>,
): Record<string, readonly string[]> {
  return Object.fromEntries(
    [...keys].map(([key, values]) => {
      const name = key.slice(key.indexOf(':') + 1);
      const isHeader = name.startsWith('x-amz-') || name.startsWith('object-lock-');
      return [isHeader ? headerSpelling(name) : name, values];
    }),
  );
}
