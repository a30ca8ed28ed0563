// Changes of bucket configuration: decided here, by what the client presented to the caller, and then stored.
import { createHash } from 'node:crypto';
import {
  type Access,
  type Credentials,
  Outcome,
  type Principal,
  type RequestContext,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { BucketChange } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { BUCKET_DOCUMENT_RULES, bucketDocumentChange } from '../administration/bucket-document-rules.ts';
import { createBucketConfiguration, forgetBucket } from '../administration/bucket-documents.ts';
import type { AdminService } from '../http/admin-service.ts';
import { NEW_OBJECT_KEY } from '../identity/access-control-list.ts';
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
  AccessDenied: 'AccessDenied',
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

  /** Where reports of event targets go. */
  get eventTargets(): AdminService['eventTargets'] {
    return this.#service.eventTargets;
  }

  /** @param object the object that a document of the bucket's objects is about */
  put(asked: AskedChange, name: string, document: Buffer, object?: ChangedObject): Promise<BucketChange> {
    const known = requireName(name);
    const { put, maxBytes, isPayload, ofObject = false } = BUCKET_DOCUMENT_RULES[known];
    const about = ofObject ? requireObject(object) : { key: '', keys: {} };
    return this.#change(
      { ...asked, key: about.key },
      put,
      async () => {
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
      },
      about.keys,
    );
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
      async (principal) => {
        // Where nothing can be kept there is nothing to begin with.
        if (!this.#service.isWritable) return;
        const made = { owner: ownerOf(principal), location, lockEnabled };
        await this.#service.run(createBucketConfiguration(asked.bucket, made, this.#service.nowMs()));
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
    asked: AskedChange & { readonly key?: string },
    action: string,
    make: (principal: Principal | undefined) => Promise<void>,
    keys: Access['context'] = {},
  ): Promise<BucketChange> {
    const { bucket, credentials, context } = asked;
    if (bucket === '' || bucket.startsWith('.') || bucket.includes('/'))
      throw AskFault.malformed('a bucket is not named');
    const resource = asked.key ? `arn:aws:s3:::${bucket}/${asked.key}` : `arn:aws:s3:::${bucket}`;
    const access = { action, resource, context: keys, resourceAccount: '' };
    const question = { credentials, accesses: [access], context, openFrames: false };
    const { decision, principal } = await this.#asks.authorize(question, undefined);
    if (decision?.outcome !== Outcome.OUTCOME_ALLOW) return { made: false, refusal: decision, error: '', message: '' };
    try {
      await make(principal);
    } catch (error) {
      const code = error instanceof AdminRefusal ? S3_CODES[error.error] : undefined;
      if (code === undefined || !(error instanceof AdminRefusal)) throw error;
      return { made: false, refusal: undefined, error: code, message: error.message };
    }
    return { made: true, refusal: undefined, error: '', message: '' };
  }
}

/** An object whose own configuration is new to its bucket. */
export interface ChangedObject {
  readonly key: string;
  /** It is just being made. */
  readonly isNew: boolean;
}

function requireObject(object: ChangedObject | undefined): { key: string; keys: Access['context'] } {
  if (object === undefined || object.key === '') throw AskFault.malformed('the document is about an object: name it');
  return { key: object.key, keys: object.isNew ? { [NEW_OBJECT_KEY]: { values: ['true'] } } : {} };
}

/** The user that a bucket made by this principal belongs to; '' = the service. */
function ownerOf(principal: Principal | undefined): string {
  if (principal === undefined || principal.arn.endsWith(':root')) return '';
  return principal.parent === '' ? principal.accessKey : principal.parent;
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
