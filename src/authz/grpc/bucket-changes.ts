// Changes of bucket configuration: decided here, by what the client presented to the caller, and then stored.
import { createHash } from 'node:crypto';
import {
  type Access,
  type Credentials,
  Outcome,
  type RequestContext,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { BucketChange } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { BUCKET_DOCUMENT_RULES, bucketDocumentChange } from '../administration/bucket-document-rules.ts';
import { createBucketConfiguration, forgetBucket } from '../administration/bucket-documents.ts';
import type { AdminService } from '../http/admin-service.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { parseCanonicalRequest } from '../identity/canonical-request.ts';
import { type BucketDocumentName, isBucketDocumentName } from '../store/bucket-documents.ts';
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
  MalformedXML: 'MalformedXML',
  EntityTooLarge: 'EntityTooLarge',
  InvalidArgument: 'InvalidArgument',
  NoIdentityStore: 'NotImplemented',
};

export class BucketChanges {
  readonly #asks: Asks;
  readonly #service: AdminService;

  constructor(asks: Asks, service: AdminService) {
    this.#asks = asks;
    this.#service = service;
  }

  put(asked: AskedChange, name: string, document: Buffer): Promise<BucketChange> {
    const known = requireName(name);
    const { put, maxBytes, isPayload } = BUCKET_DOCUMENT_RULES[known];
    return this.#change(asked, put, async () => {
      if (isPayload) requireSignedPayload(asked.credentials, document);
      if (document.byteLength > maxBytes) {
        throw new AdminRefusal('EntityTooLarge', `The document has at most ${maxBytes} bytes.`);
      }
      const text = document.toString('utf8');
      if (text.trim() === '') {
        throw new AdminRefusal(known === 'policy' ? 'MalformedPolicy' : 'InvalidArgument', 'The document is empty.');
      }
      const { rules, nowMs } = this.#service;
      await this.#service.run(bucketDocumentChange(rules, asked.bucket, known, text, nowMs()));
    });
  }

  delete(asked: AskedChange, name: string): Promise<BucketChange> {
    const known = requireName(name);
    return this.#change(asked, BUCKET_DOCUMENT_RULES[known].remove, async () => {
      const { rules, nowMs } = this.#service;
      await this.#service.run(bucketDocumentChange(rules, asked.bucket, known, '', nowMs()));
    });
  }

  create(asked: AskedChange, location: string, lockEnabled: boolean): Promise<BucketChange> {
    return this.#change(
      asked,
      's3:CreateBucket',
      async () => {
        // Where nothing can be kept there is nothing to begin with.
        if (!this.#service.isWritable) return;
        await this.#service.run(createBucketConfiguration(asked.bucket, lockEnabled, this.#service.nowMs()));
      },
      { 's3:LocationConstraint': { values: [location] } },
    );
  }

  forget(asked: AskedChange): Promise<BucketChange> {
    return this.#change(asked, 's3:DeleteBucket', async () => {
      if (this.#service.records.buckets.has(asked.bucket)) await this.#service.run(forgetBucket(asked.bucket));
    });
  }

  async #change(
    asked: AskedChange,
    action: string,
    make: () => Promise<void>,
    keys: Access['context'] = {},
  ): Promise<BucketChange> {
    const { bucket, credentials, context } = asked;
    if (bucket === '' || bucket.startsWith('.') || bucket.includes('/'))
      throw AskFault.malformed('a bucket is not named');
    const access = { action, resource: `arn:aws:s3:::${bucket}`, context: keys, resourceAccount: '' };
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

function requireName(name: string): BucketDocumentName {
  if (!isBucketDocumentName(name)) throw AskFault.malformed('a bucket has no such document');
  return name;
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
