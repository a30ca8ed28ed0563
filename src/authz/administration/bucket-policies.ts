// The policy of a bucket.
import { blocksPublicAccess } from '../identity/public-access-block.ts';
import { isPublicPolicy } from '../identity/public-policy.ts';
import { bucketDocument } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { setBucketDocument } from './bucket-documents.ts';
import type { Command, Rules } from './command.ts';
import { MAX_POLICY_BYTES, storedPolicyText } from './policies.ts';

/** Sets or ('') removes the policy of a bucket. What else is configured stays. */
export function setBucketPolicy(rules: Rules, bucket: string, text: string, nowMs: number): Command {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw new AdminRefusal('EntityTooLarge', `A bucket policy has at most ${MAX_POLICY_BYTES} bytes.`);
  }
  const problem = text === '' ? undefined : rules.policyProblem(text, 'bucket', bucket);
  if (problem !== undefined) throw new AdminRefusal('MalformedPolicy', problem);
  const stored = text === '' ? '' : storedPolicyText(text);
  const set = setBucketDocument(bucket, 'policy', stored, nowMs);
  return {
    ...set,
    decide(records) {
      const block = bucketDocument(records.buckets.get(bucket), 'publicAccessBlock');
      if (blocksPublicAccess(block, 'BlockPublicPolicy') && isPublicPolicy(stored)) {
        throw new AdminRefusal(
          'AccessDenied',
          'The public access block of the bucket refuses policies that let everyone in.',
        );
      }
      return set.decide(records);
    },
  };
}
