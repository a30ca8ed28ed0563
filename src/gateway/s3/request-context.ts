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
  'x-amz-object-lock-legal-hold': 's3:object-lock-legal-hold',
  'x-amz-object-lock-mode': 's3:object-lock-mode',
  'x-amz-object-lock-retain-until-date': 's3:object-lock-retain-until-date',
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
  nowMs: number = Date.now(),
): RequestContext {
  const keys: Record<string, ConditionValues> = {};
  for (const [header, key] of Object.entries(HEADER_KEYS)) {
    const value = headers.get(header);
    if (value !== undefined) keys[key] = { values: [value] };
  }
  const remaining = remainingRetentionDays(headers.get('x-amz-object-lock-retain-until-date'), nowMs);
  if (remaining !== undefined) keys['s3:object-lock-remaining-retention-days'] = { values: [String(remaining)] };
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

const DAY_MS = 24 * 60 * 60 * 1000;

/** AWS: days, counting one begun as whole, until the date that a lock is to last to; undefined without a date. */
function remainingRetentionDays(until: string | undefined, nowMs: number): number | undefined {
  const untilMs = until === undefined ? Number.NaN : Date.parse(until);
  return Number.isNaN(untilMs) ? undefined : Math.max(0, Math.ceil((untilMs - nowMs) / DAY_MS));
}
