// Finds the credentials that a request presents, in whichever of their places, and puts them into the sidecar's message
// together with the text that they signed. Nothing is verified here: no key is known here.
import type { Credentials } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { canonicalRequest, type RepeatedParameters, unsignedHeaders } from './canonical-request.ts';
import { S3Error } from './errors.ts';
import type { RequestHeaders } from './request-headers.ts';
import type { RequestTarget } from './request-target.ts';
import { alternativeStringToSignV2, stringToSignV2 } from './string-to-sign-v2.ts';
import { UNSIGNED_PAYLOAD } from './transfer-form.ts';

/** Credentials as presented, and what they say about the body. */
export interface Presented {
  readonly credentials: Credentials;
  readonly anonymous: boolean;
  /**
   * The payload's hash as the signature covers it (or as the request says, where no signature covers it): a SHA-256, one of
   * S3's words, or undefined when nothing was said.
   */
  readonly payloadHash: string | undefined;
}

const SIGNED_HEADERS = /(?:^|[ ,])SignedHeaders=([^, ]+)/;
/** Most signed headers; each makes a line of the canonical request. */
const MAX_SIGNED_HEADERS = 256;

/** Throws InvalidRequest for two kinds of credentials at once, and for kinds that are not S3's. */
export function presentedCredentials(
  method: string,
  target: RequestTarget,
  headers: RequestHeaders,
  repeated: RepeatedParameters = 'sorted',
): Presented {
  const query = new Map([...target.query].reverse().map(({ name, value }) => [name, value]));
  const authorization = headers.signed('authorization');
  const v4Query = query.has('X-Amz-Signature') || query.has('X-Amz-Credential') || query.has('X-Amz-Algorithm');
  const v2Query = query.has('AWSAccessKeyId') || query.has('Signature');
  if (Number(authorization !== undefined) + Number(v4Query) + Number(v2Query) > 1) {
    throw new S3Error('InvalidRequest', 'Only one kind of credentials may be presented: a header or a signed URL.');
  }
  const contentSha256 = headers.signed('x-amz-content-sha256');
  const request = { method, target, headers, repeated };
  if (v4Query) return presignedV4(request, query, contentSha256);
  if (v2Query) {
    const expires = query.get('Expires') ?? '';
    if (!/^\d{1,15}$/.test(expires)) throw new S3Error('AccessDenied', 'The Expires parameter must be a Unix time.');
    const stringToSign = stringToSignV2(method, target, headers, expires);
    const value = {
      accessKey: query.get('AWSAccessKeyId') ?? '',
      signature: query.get('Signature') ?? '',
      stringToSign,
      alternativeStringToSign: alternativeStringToSignV2(stringToSign, target),
    };
    return { credentials: { presented: { $case: 'sigv2Query', value } }, anonymous: false, payloadHash: contentSha256 };
  }
  if (authorization === undefined) {
    return {
      credentials: { presented: { $case: 'anonymous', value: {} } },
      anonymous: true,
      payloadHash: contentSha256,
    };
  }
  if (authorization.startsWith('AWS4-')) return headerV4(request, authorization, contentSha256);
  if (authorization.startsWith('AWS ')) {
    const stringToSign = stringToSignV2(method, target, headers, undefined);
    const alternativeStringToSign = alternativeStringToSignV2(stringToSign, target);
    const value = { authorization, stringToSign, alternativeStringToSign };
    return {
      credentials: { presented: { $case: 'sigv2Header', value } },
      anonymous: false,
      payloadHash: contentSha256,
    };
  }
  if (/^Bearer /i.test(authorization)) {
    const value = { token: authorization.slice('Bearer '.length).trim() };
    return { credentials: { presented: { $case: 'bearer', value } }, anonymous: false, payloadHash: contentSha256 };
  }
  throw new S3Error('InvalidRequest', 'The authorization mechanism is not supported. Use AWS4-HMAC-SHA256.');
}

interface Signed {
  readonly method: string;
  readonly target: RequestTarget;
  readonly headers: RequestHeaders;
  readonly repeated: RepeatedParameters;
}

function headerV4(request: Signed, authorization: string, contentSha256: string | undefined): Presented {
  const signedHeaders = checkedList(SIGNED_HEADERS.exec(authorization)?.[1] ?? '');
  const value = {
    authorization,
    canonicalRequest: canonicalRequest({
      ...request,
      signedHeaders,
      payloadHash: contentSha256 ?? UNSIGNED_PAYLOAD,
    }),
    unsignedHeaders: unsignedHeaders(request.headers, signedHeaders),
  };
  return { credentials: { presented: { $case: 'sigv4Header', value } }, anonymous: false, payloadHash: contentSha256 };
}

function presignedV4(
  request: Signed,
  query: ReadonlyMap<string, string>,
  contentSha256: string | undefined,
): Presented {
  const signedHeaders = checkedList(query.get('X-Amz-SignedHeaders') ?? '');
  const payloadHash = query.get('X-Amz-Content-Sha256') ?? contentSha256;
  const value = {
    signature: query.get('X-Amz-Signature') ?? '',
    canonicalRequest: canonicalRequest({
      ...request,
      signedHeaders,
      payloadHash: payloadHash ?? UNSIGNED_PAYLOAD,
      withoutParameter: 'X-Amz-Signature',
    }),
    unsignedHeaders: unsignedHeaders(request.headers, signedHeaders),
  };
  return { credentials: { presented: { $case: 'sigv4Query', value } }, anonymous: false, payloadHash };
}

/** The list comes from the client and becomes lines of a text: it may hold header names and nothing else. */
function checkedList(signedHeaders: string): string {
  if (signedHeaders.split(';').length > MAX_SIGNED_HEADERS || !/^[!#$%&'*+.^_`|~0-9a-zA-Z;-]*$/.test(signedHeaders)) {
    throw new S3Error('AuthorizationHeaderMalformed', 'The list of signed headers is malformed.');
  }
  return signedHeaders;
}
