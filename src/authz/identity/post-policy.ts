// Browser form uploads: the signature over the base64 policy document, and the document's own demands on the form's fields.
// The size range is the caller's to check (it alone knows the size); every other condition is checked here.
import { z } from 'zod';
import type { PostPolicy } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AuthRefusal } from './auth-refusal.ts';
import { constantTimeEqual, hmacHex, hmacSha1Base64, signingKey } from './signing-key.ts';
import { ALGORITHM } from './sigv4.ts';
import { parseBasicTime } from './timestamp.ts';
import {
  CREDENTIAL_SHAPE,
  parseCredentialScope,
  requireSignature,
  secretOf,
  type VerifiedSignature,
  type VerifyContext,
} from './verified-signature.ts';

/** Largest base64 policy that is read. */
export const MAX_POST_POLICY_BYTES = 64 * 1024;

/** Fields that a document need not mention. */
const UNCHECKED_FIELDS: ReadonlySet<string> = new Set([
  'awsaccesskeyid',
  'signature',
  'x-amz-signature',
  'policy',
  'file',
  'submit',
]);
/** Fields of these prefixes may come unmentioned, too: they say nothing but what the file must be, or nothing at all. */
const UNCHECKED_PREFIXES = ['x-amz-checksum-', 'x-ignore-'];

const Scalar = z.union([z.string(), z.number(), z.boolean()]);
const Condition = z.union([
  z.tuple([z.string(), Scalar, Scalar]),
  z.record(z.string(), Scalar).refine((record) => Object.keys(record).length > 0),
]);
const Document = z.object({ expiration: z.iso.datetime({ offset: true }), conditions: z.array(Condition).max(1000) });

/** Verifies a signed form. Throws AuthRefusal. */
export function verifyPostPolicy(presented: PostPolicy, context: VerifyContext): VerifiedSignature {
  if (presented.policy.length > MAX_POST_POLICY_BYTES) {
    throw new AuthRefusal('InvalidPolicyDocument', 'The policy document is too large.');
  }
  const { fields } = presented;
  const verified =
    fields['x-amz-signature'] !== undefined ? verifyV4(presented, context) : verifyV2(presented, context);
  checkConditions(presented.policy, fields, context.nowMs);
  return verified;
}

function verifyV4({ policy, fields }: PostPolicy, context: VerifyContext): VerifiedSignature {
  if (fields['x-amz-algorithm'] !== ALGORITHM) {
    throw new AuthRefusal('InvalidArgument', `X-Amz-Algorithm only supports "${ALGORITHM}"`);
  }
  const parsed = parseCredentialScope(fields['x-amz-credential'] ?? '');
  if (parsed === undefined || parsed.scope.service !== context.service) {
    throw new AuthRefusal('InvalidArgument', `the Credential is mal-formed; expecting ${CREDENTIAL_SHAPE}.`);
  }
  const time = fields['x-amz-date'] ?? '';
  const signedAtMs = parseBasicTime(time);
  if (signedAtMs === undefined || !time.startsWith(parsed.scope.date)) {
    throw new AuthRefusal('InvalidArgument', "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  const credential = context.credentials.find(parsed.accessKey);
  const key = signingKey(parsed.accessKey, secretOf(credential), parsed.scope);
  const matches = constantTimeEqual(fields['x-amz-signature'] ?? '', hmacHex(key, policy));
  return {
    credential: requireSignature(credential, matches),
    version: ALGORITHM,
    authType: 'POST',
    signedAtMs,
    payloadHash: undefined,
    sessionToken: fields['x-amz-security-token'],
    frames: undefined,
  };
}

function verifyV2({ policy, fields }: PostPolicy, context: VerifyContext): VerifiedSignature {
  const accessKey = fields.awsaccesskeyid;
  const signature = fields.signature;
  if (!accessKey || !signature) {
    throw new AuthRefusal(
      'InvalidArgument',
      'Bucket POST must contain a field named AWSAccessKeyId and Signature, or X-Amz-Credential and X-Amz-Signature.',
    );
  }
  const credential = context.credentials.find(accessKey);
  const matches = constantTimeEqual(signature, hmacSha1Base64(secretOf(credential), policy));
  return {
    credential: requireSignature(credential, matches),
    version: 'AWS',
    authType: 'POST',
    signedAtMs: undefined,
    payloadHash: undefined,
    sessionToken: fields['x-amz-security-token'],
    frames: undefined,
  };
}

function checkConditions(base64: string, fields: Readonly<Record<string, string>>, nowMs: number): void {
  const document = readDocument(base64);
  if (nowMs > Date.parse(document.expiration)) throw violation('Policy expired.');
  const mentioned = new Set<string>();
  for (const condition of document.conditions) {
    if (Array.isArray(condition)) {
      const [operatorText, subject, wanted] = condition;
      const operator = operatorText.toLowerCase();
      if (operator === 'content-length-range') continue;
      if (typeof subject !== 'string' || !subject.startsWith('$')) throw invalidDocument();
      const name = subject.slice(1).toLowerCase();
      mentioned.add(name);
      const value = fields[name] ?? '';
      const holds =
        operator === 'eq'
          ? value === String(wanted)
          : operator === 'starts-with'
            ? startsWithAll(name, value, String(wanted))
            : undefined;
      if (holds === undefined) throw invalidDocument();
      if (!holds) throw violation(`Policy Condition failed: ${JSON.stringify(condition)}`);
    } else {
      for (const [subject, wanted] of Object.entries(condition)) {
        const name = subject.toLowerCase();
        mentioned.add(name);
        if ((fields[name] ?? '') !== String(wanted)) {
          throw violation(`Policy Condition failed: ${JSON.stringify(['eq', `$${subject}`, String(wanted)])}`);
        }
      }
    }
  }
  const extra = Object.keys(fields).find(
    (name) =>
      !mentioned.has(name) &&
      !UNCHECKED_FIELDS.has(name) &&
      !UNCHECKED_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
      name !== 'bucket',
  );
  if (extra !== undefined) throw violation(`Extra input fields: ${extra.slice(0, 100)}`);
  if (!mentioned.has('bucket')) throw violation('Policy Condition failed: the bucket must be named by the policy');
}

/** A comma-separated Content-Type must start with the prefix in every item (S3: POST policy, "Conditions"). */
function startsWithAll(name: string, value: string, prefix: string): boolean {
  if (name !== 'content-type') return value.startsWith(prefix);
  return value.split(',').every((item) => item.trimStart().startsWith(prefix));
}

function readDocument(base64: string): z.infer<typeof Document> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw invalidDocument();
    throw cause;
  }
  const parsed = Document.safeParse(json);
  if (!parsed.success) throw invalidDocument();
  return parsed.data;
}

function violation(why: string): AuthRefusal {
  return new AuthRefusal('AccessDenied', `Invalid according to Policy: ${why}`);
}

function invalidDocument(): AuthRefusal {
  return new AuthRefusal('InvalidPolicyDocument', 'Invalid Policy: Invalid JSON or an unknown condition.');
}
