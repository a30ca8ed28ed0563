// Signature Version 4, in the Authorization header and in the query string. Time, token, payload hash and signed headers are
// read out of the canonical request, which is hashed here; the scope and the signature are all that is taken from beside it.
import type { SigV4Header, SigV4Query } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AuthRefusal } from './auth-refusal.ts';
import { type CanonicalRequest, parseCanonicalQuery, parseCanonicalRequest } from './canonical-request.ts';
import { constantTimeEqual, hmacHex, type Scope, scopeText, sha256Hex, signingKey } from './signing-key.ts';
import { formatBasicTime, parseBasicTime, parseHttpDate } from './timestamp.ts';
import {
  CREDENTIAL_SHAPE,
  isUsable,
  MAX_SKEW_MS,
  parseCredentialScope,
  requireFresh,
  requireSignature,
  secretOf,
  type VerifiedSignature,
  type VerifyContext,
} from './verified-signature.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
const SIGV4A = 'AWS4-ECDSA-P256-SHA256';
/** Longest life of a presigned URL, seconds. */
export const MAX_EXPIRES_SECONDS = 604_800;
export const STREAMING_SIGNED: ReadonlySet<string> = new Set([
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
]);
const PAYLOAD_WORDS: ReadonlySet<string> = new Set([
  ...STREAMING_SIGNED,
  'UNSIGNED-PAYLOAD',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
]);
const HEX_SHA256 = /^[0-9a-f]{64}$/;

/** Verifies a signed Authorization header. Throws AuthRefusal. */
export function verifySigV4Header(presented: SigV4Header, context: VerifyContext): VerifiedSignature {
  const { accessKey, scope, signedHeaders, signature } = parseAuthorization(presented.authorization);
  const request = readCanonical(presented.canonicalRequest);
  requireSigned(request, presented.unsignedHeaders);
  if (signedHeaders !== request.signedHeaders) throw new AuthRefusal('SignatureDoesNotMatch');
  if (scope.service !== context.service) {
    throw malformedHeader(
      `incorrect service "${printable(scope.service)}". This endpoint belongs to "${context.service}".`,
    );
  }
  const { time, signedAtMs } = headerTime(request);
  if (!time.startsWith(scope.date)) {
    throw malformedHeader(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${time.slice(0, 8)}".`,
    );
  }
  requirePayloadHash(request, context.service === 's3');

  const credential = context.credentials.find(accessKey);
  const key = signingKey(accessKey, secretOf(credential), scope);
  const matches = constantTimeEqual(signature, hmacHex(key, stringToSign(time, scope, presented.canonicalRequest)));
  if (isUsable(credential)) requireFresh(signedAtMs, context.nowMs);
  return {
    credential: requireSignature(credential, matches),
    version: ALGORITHM,
    authType: 'REST-HEADER',
    signedAtMs,
    payloadHash: request.payloadHash,
    sessionToken: request.headers.get('x-amz-security-token'),
    frames: STREAMING_SIGNED.has(request.payloadHash) ? { key, time, scope: scopeText(scope), signature } : undefined,
  };
}

/** Verifies a presigned URL. Throws AuthRefusal. */
export function verifySigV4Query(presented: SigV4Query, context: VerifyContext): VerifiedSignature {
  const request = readCanonical(presented.canonicalRequest);
  const query = parseCanonicalQuery(request.query);
  if (query === undefined) throw queryError('A parameter is repeated or is not percent-encoded.');
  if (query.has('X-Amz-Signature')) throw new AuthRefusal('SignatureDoesNotMatch');
  const { accessKey, scope, time, signedAtMs, expiresMs } = readQueryParameters(query, presented.signature);
  requireSigned(request, presented.unsignedHeaders);
  if (query.get('X-Amz-SignedHeaders') !== request.signedHeaders) throw new AuthRefusal('SignatureDoesNotMatch');
  if (scope.service !== context.service) {
    throw queryError(
      `Error parsing the X-Amz-Credential parameter; incorrect service "${printable(scope.service)}". This endpoint belongs to "${context.service}".`,
    );
  }
  requirePayloadHash(request, false, query.get('X-Amz-Content-Sha256'));

  const credential = context.credentials.find(accessKey);
  const key = signingKey(accessKey, secretOf(credential), scope);
  const expected = hmacHex(key, stringToSign(time, scope, presented.canonicalRequest));
  const matches = constantTimeEqual(presented.signature, expected);
  if (isUsable(credential)) {
    if (signedAtMs - context.nowMs > MAX_SKEW_MS) throw new AuthRefusal('AccessDenied', 'Request is not valid yet');
    if (context.nowMs > signedAtMs + expiresMs) throw new AuthRefusal('AccessDenied', 'Request has expired');
  }
  return {
    credential: requireSignature(credential, matches),
    version: ALGORITHM,
    authType: 'REST-QUERY-STRING',
    signedAtMs,
    payloadHash: request.payloadHash,
    sessionToken: query.get('X-Amz-Security-Token'),
    frames: STREAMING_SIGNED.has(request.payloadHash)
      ? { key, time, scope: scopeText(scope), signature: presented.signature }
      : undefined,
  };
}

interface ParsedAuthorization {
  readonly accessKey: string;
  readonly scope: Scope;
  readonly signedHeaders: string;
  readonly signature: string;
}

function parseAuthorization(text: string): ParsedAuthorization {
  const space = text.indexOf(' ');
  const algorithm = space < 0 ? text : text.slice(0, space);
  if (algorithm === SIGV4A) throw sigV4aRefusal();
  if (algorithm !== ALGORITHM) throw unsupportedMechanism();
  const fields = new Map<string, string>();
  for (const part of text.slice(space + 1).split(',')) {
    const [name = '', ...rest] = part.trim().split('=');
    if (fields.has(name)) throw malformedHeader(`${printable(name)} is given twice.`);
    fields.set(name, rest.join('='));
  }
  const credential = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const signature = fields.get('Signature');
  if (!credential || !signedHeaders || !signature) {
    throw malformedHeader(
      'the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    );
  }
  const parsed = parseCredentialScope(credential);
  if (parsed === undefined) throw malformedHeader(`the Credential is mal-formed; expecting ${CREDENTIAL_SHAPE}.`);
  return { ...parsed, signedHeaders, signature };
}

interface QueryParameters {
  readonly accessKey: string;
  readonly scope: Scope;
  readonly time: string;
  readonly signedAtMs: number;
  readonly expiresMs: number;
}

function readQueryParameters(query: ReadonlyMap<string, string>, signature: string): QueryParameters {
  const algorithm = query.get('X-Amz-Algorithm');
  const credential = query.get('X-Amz-Credential');
  const time = query.get('X-Amz-Date');
  const expires = query.get('X-Amz-Expires');
  if (!algorithm || !credential || !time || !expires || !query.get('X-Amz-SignedHeaders') || signature === '') {
    throw queryError(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  }
  if (algorithm === SIGV4A) throw sigV4aRefusal();
  if (algorithm !== ALGORITHM) throw queryError(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const parsed = parseCredentialScope(credential);
  if (parsed === undefined) {
    throw queryError(
      `Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting ${CREDENTIAL_SHAPE}.`,
    );
  }
  const signedAtMs = parseBasicTime(time);
  if (signedAtMs === undefined) {
    throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  if (!time.startsWith(parsed.scope.date)) {
    throw queryError(
      `Invalid credential date "${parsed.scope.date}". This date is not the same as X-Amz-Date: "${time.slice(0, 8)}".`,
    );
  }
  if (!/^-?\d{1,15}$/.test(expires)) throw queryError('X-Amz-Expires should be a number');
  const seconds = Number(expires);
  if (seconds < 0) throw queryError('X-Amz-Expires must be non-negative');
  if (seconds > MAX_EXPIRES_SECONDS) {
    throw queryError(`X-Amz-Expires must be less than a week (in seconds) that is ${MAX_EXPIRES_SECONDS}`);
  }
  return { ...parsed, time, signedAtMs, expiresMs: seconds * 1000 };
}

function readCanonical(bytes: Uint8Array): CanonicalRequest {
  const request = parseCanonicalRequest(bytes);
  if (request === undefined) throw new AuthRefusal('SignatureDoesNotMatch');
  return request;
}

/** AWS: every x-amz-* header that is sent, and host, must be signed. */
function requireSigned(request: CanonicalRequest, unsignedHeaders: readonly string[]): void {
  if (unsignedHeaders.length > 0 || !request.headers.has('host')) {
    throw new AuthRefusal('AccessDenied', 'There were headers present in the request which were not signed');
  }
}

function headerTime(request: CanonicalRequest): { time: string; signedAtMs: number } {
  const amzDate = request.headers.get('x-amz-date');
  const date = request.headers.get('date');
  const signedAtMs =
    amzDate !== undefined
      ? parseBasicTime(amzDate)
      : date !== undefined
        ? (parseBasicTime(date) ?? parseHttpDate(date))
        : undefined;
  if (signedAtMs === undefined) {
    throw new AuthRefusal('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  }
  return { time: formatBasicTime(signedAtMs), signedAtMs };
}

/** The last line must be the hash that the request claims elsewhere, so that the body is checked against what was signed. */
function requirePayloadHash(request: CanonicalRequest, required: boolean, fromQuery?: string): void {
  const claimed = request.headers.get('x-amz-content-sha256') ?? fromQuery;
  if (claimed === undefined && required) {
    throw new AuthRefusal('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  if (claimed !== undefined && claimed !== request.payloadHash) throw new AuthRefusal('SignatureDoesNotMatch');
  if (!HEX_SHA256.test(request.payloadHash) && !PAYLOAD_WORDS.has(request.payloadHash)) {
    throw new AuthRefusal(
      'InvalidArgument',
      `x-amz-content-sha256 must be ${[...PAYLOAD_WORDS].join(', ')}, or a valid sha256 value.`,
    );
  }
}

function stringToSign(time: string, scope: Scope, canonicalRequest: Uint8Array): string {
  return `${ALGORITHM}\n${time}\n${scopeText(scope)}\n${sha256Hex(canonicalRequest)}`;
}

function malformedHeader(why: string): AuthRefusal {
  return new AuthRefusal('AuthorizationHeaderMalformed', `The authorization header is malformed; ${why}`);
}

function queryError(why: string): AuthRefusal {
  return new AuthRefusal('AuthorizationQueryParametersError', why);
}

function sigV4aRefusal(): AuthRefusal {
  return new AuthRefusal(
    'InvalidRequest',
    `${SIGV4A} (Signature Version 4A) is not supported. Please use ${ALGORITHM}.`,
  );
}

function unsupportedMechanism(): AuthRefusal {
  return new AuthRefusal(
    'InvalidRequest',
    `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
  );
}

/** Text of the client's in a message: short, and on one line. */
function printable(text: string): string {
  return text.slice(0, 40).replace(/[^\x20-\x7e]/g, '?');
}
