// The configuration of buckets: the policy, and that of buckets which are gone.
import { isUnreadable } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import type { Command, Rules } from './command.ts';
import { MAX_POLICY_BYTES, storedPolicyText } from './policies.ts';

/** Sets or ('') removes the policy of a bucket. What else is configured stays. */
export function setBucketPolicy(rules: Rules, bucket: string, text: string, nowMs: number): Command {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw new AdminRefusal('EntityTooLarge', `A bucket policy has at most ${MAX_POLICY_BYTES} bytes.`);
  }
  const problem = text === '' ? undefined : rules.policyProblem(text, 'bucket', bucket);
  if (problem !== undefined) throw new AdminRefusal('MalformedPolicy', problem);
  const policyJson = text === '' ? '' : storedPolicyText(text);
  return {
    touched: { buckets: [bucket] },
    decide(records) {
      const before = records.buckets.get(bucket);
      if (before !== undefined && isUnreadable(before)) {
        throw new AdminRefusal('InternalError', `The bucket's configuration cannot be read: ${before.unreadable}.`);
      }
      if ((before?.policyJson ?? '') === policyJson) return {};
      const empty = {
        createdMs: nowMs,
        policyJson: '',
        notificationXml: new Uint8Array(),
        taggingXml: new Uint8Array(),
      };
      return { buckets: new Map([[bucket, { ...(before ?? empty), policyJson }]]) };
    },
  };
}

/** Removes all configuration of a bucket, so that one made later under its name starts without. */
export function forgetBucket(bucket: string): Command {
  return { touched: {}, decide: () => ({ buckets: new Map([[bucket, undefined]]) }) };
}
