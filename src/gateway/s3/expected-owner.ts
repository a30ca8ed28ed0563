// x-amz-expected-bucket-owner: a client that was told another bucket than it means is refused, not served.
// AWS: "Verifying bucket ownership with bucket owner condition".
import { S3Error } from './errors.ts';
import type { BucketName } from './object-name.ts';
import type { GrantedConfiguration } from './operation.ts';

const HEADER = 'x-amz-expected-bucket-owner';
/** The account that everyone is in, as ARNs have it. */
const ACCOUNT = '000000000000';

/** Throws AccessDenied when the bucket is not the expected owner's: its user's, or the account's, whose every bucket is. */
export async function requireExpectedOwner(
  headers: ReadonlyMap<string, string>,
  bucket: BucketName | undefined,
  configuration: Pick<GrantedConfiguration, 'read'>,
): Promise<void> {
  const expected = headers.get(HEADER);
  if (expected === undefined || bucket === undefined || expected === ACCOUNT) return;
  const { owner } = (await configuration.read(bucket)).documents;
  if (owner !== expected) throw new S3Error('AccessDenied', 'The bucket is not that of the expected owner.');
}
