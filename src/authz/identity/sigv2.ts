// Signature Version 2, in the Authorization header and in the query string. What is trusted is read out of the string to sign:
// METHOD, Content-MD5, Content-Type, date or expiry, then the x-amz-* headers and the resource.
import type { SigV2Header, SigV2Query } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AuthRefusal } from './auth-refusal.ts';
import { constantTimeEqual, hmacSha1Base64 } from './signing-key.ts';
import { parseBasicTime, parseHttpDate } from './timestamp.ts';
import {
  isUsable,
  requireFresh,
  requireSignature,
  secretOf,
  type VerifiedSignature,
  type VerifyContext,
} from './verified-signature.ts';

/** Largest string to sign that is read. */
export const MAX_STRING_TO_SIGN = 64 * 1024;

/** Verifies `AWS ACCESS-KEY:SIGNATURE`. Throws AuthRefusal. */
export function verifySigV2Header(presented: SigV2Header, context: VerifyContext): VerifiedSignature {
  const match = /^AWS ([^ ]+):([A-Za-z0-9+/]{27}=)$/.exec(presented.authorization);
  const [accessKey, signature] = match?.slice(1) ?? [];
  if (accessKey === undefined || signature === undefined) {
    throw new AuthRefusal('InvalidArgument', 'AWS authorization header is invalid. Expected AwsAccessKeyId:signature');
  }
  const { date, amzHeaders } = parseStringToSign(presented.stringToSign);
  const dateText = amzHeaders.get('x-amz-date') ?? date;
  const signedAtMs = parseHttpDate(dateText) ?? parseBasicTime(dateText);
  // S3 knows no time before the epoch
  if (signedAtMs === undefined || signedAtMs < 0) {
    throw new AuthRefusal('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  }
  const credential = context.credentials.find(accessKey);
  const matches = isSigned(presented, signature, secretOf(credential));
  if (isUsable(credential)) requireFresh(signedAtMs, context.nowMs);
  return {
    credential: requireSignature(credential, matches),
    version: 'AWS',
    authType: 'REST-HEADER',
    signedAtMs,
    payloadHash: amzHeaders.get('x-amz-content-sha256'),
    sessionToken: amzHeaders.get('x-amz-security-token'),
    frames: undefined,
  };
}

/** Verifies a URL signed with AWSAccessKeyId, Expires and Signature. Throws AuthRefusal. */
export function verifySigV2Query(presented: SigV2Query, context: VerifyContext): VerifiedSignature {
  const { date: expires, amzHeaders } = parseStringToSign(presented.stringToSign);
  if (!/^\d{1,12}$/.test(expires)) {
    throw new AuthRefusal('AccessDenied', 'Invalid date (should be seconds since epoch)');
  }
  const credential = context.credentials.find(presented.accessKey);
  const matches = isSigned(presented, presented.signature, secretOf(credential));
  if (isUsable(credential) && context.nowMs > Number(expires) * 1000) {
    throw new AuthRefusal('AccessDenied', 'Request has expired');
  }
  return {
    credential: requireSignature(credential, matches),
    version: 'AWS',
    authType: 'REST-QUERY-STRING',
    signedAtMs: undefined,
    payloadHash: amzHeaders.get('x-amz-content-sha256'),
    sessionToken: amzHeaders.get('x-amz-security-token') ?? resourceToken(presented.stringToSign),
    frames: undefined,
  };
}

interface Signable {
  readonly stringToSign: string;
  readonly alternativeStringToSign: string;
}

/** The alternative may differ in the slash at the end of its resource, and in nothing else. */
function isSigned({ stringToSign, alternativeStringToSign }: Signable, signature: string, secret: string): boolean {
  if (constantTimeEqual(signature, hmacSha1Base64(secret, stringToSign))) return true;
  const isSame = alternativeStringToSign !== '' && withoutSlash(alternativeStringToSign) === withoutSlash(stringToSign);
  return isSame && constantTimeEqual(signature, hmacSha1Base64(secret, alternativeStringToSign));
}

/** The text without the slash that ends the path of its resource. */
function withoutSlash(text: string): string {
  const at = text.lastIndexOf('\n') + 1;
  const [path = '', query] = text.slice(at).split(/\?(.*)/s);
  return `${text.slice(0, at)}${path.replace(/\/$/, '')}${query === undefined ? '' : `?${query}`}`;
}

function parseStringToSign(text: string): { date: string; amzHeaders: ReadonlyMap<string, string> } {
  const lines = text.split('\n');
  const resource = lines.at(-1);
  if (text.length > MAX_STRING_TO_SIGN || lines.length < 5 || !resource?.startsWith('/')) {
    throw new AuthRefusal('SignatureDoesNotMatch');
  }
  const amzHeaders = new Map<string, string>();
  for (const line of lines.slice(4, -1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!/^x-amz-[a-z0-9-]+$/.test(name) || amzHeaders.has(name)) throw new AuthRefusal('SignatureDoesNotMatch');
    amzHeaders.set(name, line.slice(colon + 1));
  }
  return { date: lines[3] as string, amzHeaders };
}

/** A session token as a sub-resource of the signed resource (`/bucket/key?x-amz-security-token=…`). */
function resourceToken(stringToSign: string): string | undefined {
  const resource = stringToSign.slice(stringToSign.lastIndexOf('\n') + 1);
  const query = resource.slice(resource.indexOf('?') + 1);
  const found = query.split('&').find((pair) => pair.startsWith('x-amz-security-token='));
  return found?.slice('x-amz-security-token='.length);
}
