// Changes of bucket configuration: decided here, by what the client presented to the caller, and then stored.
import { createHash } from 'node:crypto';
import {
  type Credentials,
  Outcome,
  type RequestContext,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { BucketChange } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { forgetBucket, setBucketPolicy } from '../administration/bucket-policies.ts';
import type { AdminService } from '../http/admin-service.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { parseCanonicalRequest } from '../identity/canonical-request.ts';
import type { Asks } from './asks.ts';

/** A change as the caller asks for it. */
export interface AskedChange {
  readonly bucket: string;
  readonly credentials: Credentials | undefined;
  readonly context: RequestContext | undefined;
}

/** Refusals of the rules that are the client's doing, as S3's error codes. */
const S3_CODES: Readonly<Record<string, string>> = {
  MalformedPolicy: 'MalformedPolicy',
  EntityTooLarge: 'EntityTooLarge',
  NoIdentityStore: 'NotImplemented',
};

export class BucketChanges {
  readonly #asks: Asks;
  readonly #service: AdminService;

  constructor(asks: Asks, service: AdminService) {
    this.#asks = asks;
    this.#service = service;
  }

  putPolicy(asked: AskedChange, policyJson: Buffer): Promise<BucketChange> {
    return this.#change(asked, 's3:PutBucketPolicy', async () => {
      requireSignedPayload(asked.credentials, policyJson);
      const text = policyJson.toString('utf8');
      if (text.trim() === '') throw new AdminRefusal('MalformedPolicy', 'The policy is empty.');
      const { rules, nowMs } = this.#service;
      await this.#service.run(setBucketPolicy(rules, asked.bucket, text, nowMs()));
    });
  }

  deletePolicy(asked: AskedChange): Promise<BucketChange> {
    return this.#change(asked, 's3:DeleteBucketPolicy', async () => {
      const { rules, nowMs } = this.#service;
      await this.#service.run(setBucketPolicy(rules, asked.bucket, '', nowMs()));
    });
  }

  forget(asked: AskedChange): Promise<BucketChange> {
    return this.#change(asked, 's3:DeleteBucket', async () => {
      if (this.#service.records.buckets.has(asked.bucket)) await this.#service.run(forgetBucket(asked.bucket));
    });
  }

  async #change(asked: AskedChange, action: string, make: () => Promise<void>): Promise<BucketChange> {
    const { bucket, credentials, context } = asked;
    if (bucket === '' || bucket.startsWith('.') || bucket.includes('/'))
      throw AskFault.malformed('a bucket is not named');
    const access = { action, resource: `arn:aws:s3:::${bucket}`, context: {}, resourceAccount: '' };
    const question = { credentials, accesses: [access], context, openFrames: false };
    const { decision } = await this.#asks.authorize(question, undefined);
    if (decision?.outcome !== Outcome.OUTCOME_ALLOW) return { made: false, refusal: decision, error: '', message: '' };
    try {
      await make();
    } catch (error) {
      const code = error instanceof AdminRefusal ? S3_CODES[error.error] : undefined;
      if (code === undefined || !(error instanceof AdminRefusal)) throw error;
      return { made: false, refusal: undefined, error: code, message: error.message };
    }
    return { made: true, refusal: undefined, error: '', message: '' };
  }
}

/** What the client signed must be what the caller brings. Words like UNSIGNED-PAYLOAD say nothing of it. */
function requireSignedPayload(credentials: Credentials | undefined, payload: Buffer): void {
  const presented = credentials?.presented;
  if (presented?.$case !== 'sigv4Header') return;
  const hash = parseCanonicalRequest(presented.value.canonicalRequest)?.payloadHash ?? '';
  if (!/^[0-9a-f]{64}$/.test(hash)) return;
  if (hash !== createHash('sha256').update(payload).digest('hex')) {
    throw AskFault.malformed('the document is not the payload that was signed');
  }
}
