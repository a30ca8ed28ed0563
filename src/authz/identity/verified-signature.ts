// What a signature proved, and the checks that all forms of signature share.
import { AuthRefusal } from './auth-refusal.ts';
import type { BearerSource } from './console-session.ts';
import type { Credential, CredentialSource } from './credential.ts';
import type { Scope } from './signing-key.ts';

/** How far a request's time may lie from the service's. */
export const MAX_SKEW_MS = 15 * 60 * 1000;

/** The start of a chain of frame signatures (STREAMING-AWS4-HMAC-SHA256-PAYLOAD). */
export interface FrameSeed {
  readonly key: Buffer;
  readonly time: string; // 20130524T000000Z
  readonly scope: string;
  readonly signature: string; // of the request, hex
}

/** A signature that stood. */
export interface VerifiedSignature {
  readonly credential: Credential;
  readonly version: 'AWS4-HMAC-SHA256' | 'AWS';
  readonly authType: 'REST-HEADER' | 'REST-QUERY-STRING' | 'POST';
  readonly signedAtMs: number | undefined;
  readonly payloadHash: string | undefined;
  readonly sessionToken: string | undefined;
  /** Given when the payload is one of signed frames. */
  readonly frames: FrameSeed | undefined;
}

/** What verification depends on. */
export interface VerifyContext {
  readonly credentials: CredentialSource;
  readonly nowMs: number;
  /** The service of the scope: 's3', or 'sts' at the STS endpoint. */
  readonly service: 's3' | 'sts';
  /** What bearer tokens stand for; none are taken without it. */
  readonly bearers?: BearerSource | undefined;
  /** What is asked for: some tokens stand for some questions only. */
  readonly accesses?: readonly { readonly action: string }[];
}

/** Stands in for the secret of an unknown key, so that its signature is computed all the same. */
const NO_SECRET = 'no-such-key-no-such-secret';

/** The secret of a key, known or not. */
export function secretOf(credential: Credential | undefined): string {
  return credential?.secretKey ?? NO_SECRET;
}

/** Throws unless the key is known and enabled and the signature was right; in that order, after both are known. */
export function requireSignature(credential: Credential | undefined, matches: boolean): Credential {
  if (!isUsable(credential)) throw new AuthRefusal('InvalidAccessKeyId');
  if (!matches) throw new AuthRefusal('SignatureDoesNotMatch');
  return credential;
}

/** True for a known credential that is not switched off. */
export function isUsable(credential: Credential | undefined): credential is Credential {
  return credential !== undefined && (credential.type === 'Root' || credential.enabled);
}

export function requireFresh(signedAtMs: number, nowMs: number): void {
  if (Math.abs(nowMs - signedAtMs) > MAX_SKEW_MS) throw new AuthRefusal('RequestTimeTooSkewed');
}

/** Reads `ACCESS-KEY/yyyymmdd/region/service/aws4_request`; access keys may hold slashes, and MinIO's admin clients name no region. */
export function parseCredentialScope(text: string): { accessKey: string; scope: Scope } | undefined {
  const parts = text.split('/');
  const [date, region, service, end] = parts.slice(-4);
  const accessKey = parts.slice(0, -4).join('/');
  if (accessKey === '' || end !== 'aws4_request' || region === undefined || !service || !/^\d{8}$/.test(date ?? ''))
    return undefined;
  return { accessKey, scope: { date: date as string, region, service } };
}

export const CREDENTIAL_SHAPE = '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"';
