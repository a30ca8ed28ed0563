// What is told to the sidecar about a request as a whole, beside its credentials and accesses.
import type { ConditionValues, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { RequestOrigin } from './source-address.ts';

/**
 * Headers that policies can speak of, by the condition key's name. What is not here is not told: a header must not be able to
 * pass for a key that the sidecar derives itself. AWS: "Condition keys for Amazon S3".
 */
const HEADER_KEYS: Readonly<Record<string, string>> = {
  'x-amz-acl': 's3:x-amz-acl',
  'x-amz-copy-source': 's3:x-amz-copy-source',
  'x-amz-grant-full-control': 's3:x-amz-grant-full-control',
  'x-amz-grant-read': 's3:x-amz-grant-read',
  'x-amz-grant-read-acp': 's3:x-amz-grant-read-acp',
  'x-amz-grant-write': 's3:x-amz-grant-write',
  'x-amz-grant-write-acp': 's3:x-amz-grant-write-acp',
  'x-amz-metadata-directive': 's3:x-amz-metadata-directive',
  'x-amz-object-ownership': 's3:x-amz-object-ownership',
  'x-amz-server-side-encryption': 's3:x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id': 's3:x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-customer-algorithm': 's3:x-amz-server-side-encryption-customer-algorithm',
  'x-amz-storage-class': 's3:x-amz-storage-class',
  'x-amz-website-redirect-location': 's3:x-amz-website-redirect-location',
};

export function requestContext(
  requestId: string,
  origin: RequestOrigin,
  headers: ReadonlyMap<string, string>,
): RequestContext {
  const keys: Record<string, ConditionValues> = {};
  for (const [header, key] of Object.entries(HEADER_KEYS)) {
    const value = headers.get(header);
    if (value !== undefined) keys[key] = { values: [value] };
  }
  return {
    requestId,
    sourceAddress: origin.address,
    secureTransport: origin.secure,
    userAgent: headers.get('user-agent') ?? '',
    referer: headers.get('referer') ?? '',
    timeMs: 0n,
    keys,
  };
}
