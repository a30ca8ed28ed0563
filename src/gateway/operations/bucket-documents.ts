// The configurations of a bucket that are documents of the client's: read, judged and kept by the sidecar as they are. Data, as the
// operations differ in nothing but their names and in what makes a document right.
import { randomUUID } from 'node:crypto';
import { MAX_CORS_DOCUMENT_BYTES, parseCors } from '../s3/cors.ts';
import { S3Error, type S3ErrorCode } from '../s3/errors.ts';
import type { BucketName } from '../s3/object-name.ts';
import { type BucketDocumentName, defineOperation, type Operation, type Question } from '../s3/operation.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { MAX_LIFECYCLE_DOCUMENT_BYTES, withRuleIds } from './lifecycle-rules.ts';
import { xmlReply } from './listing.ts';
import { MAX_BUCKET_TAGS, MAX_TAGGING_DOCUMENT_BYTES, parseTaggingDocument, requestTagKeys } from './tag-set.ts';
import { readDocument } from './write-payload.ts';

interface KeptDocument {
  readonly name: BucketDocumentName;
  readonly parameter: string;
  /** Names of the operations that read, set and remove it. */
  readonly operations: readonly [get: string, put: string, remove: string];
  readonly actions: readonly [get: string, put: string, remove: string];
  readonly absent: S3ErrorCode;
  readonly maxBytes: number;
  /** The document as it is kept. Throws the S3Error that says what is wrong with it. */
  keep(document: Buffer): Buffer;
  /** The condition keys that lie in the document: then it is read before the question. */
  keys?(document: Buffer): Question['context'];
  /** Status of a PUT. */
  readonly status: 200 | 204;
}

const KEPT: readonly KeptDocument[] = [
  {
    name: 'cors',
    parameter: 'cors',
    operations: ['GetBucketCors', 'PutBucketCors', 'DeleteBucketCors'],
    actions: ['s3:GetBucketCORS', 's3:PutBucketCORS', 's3:PutBucketCORS'],
    absent: 'NoSuchCORSConfiguration',
    maxBytes: MAX_CORS_DOCUMENT_BYTES,
    keep(document) {
      parseCors(document);
      return document;
    },
    status: 200,
  },
  {
    name: 'lifecycle',
    parameter: 'lifecycle',
    operations: ['GetBucketLifecycleConfiguration', 'PutBucketLifecycleConfiguration', 'DeleteBucketLifecycle'],
    actions: ['s3:GetLifecycleConfiguration', 's3:PutLifecycleConfiguration', 's3:PutLifecycleConfiguration'],
    absent: 'NoSuchLifecycleConfiguration',
    maxBytes: MAX_LIFECYCLE_DOCUMENT_BYTES,
    keep: (document) => withRuleIds(document, randomUUID),
    status: 200,
  },
  {
    name: 'tagging',
    parameter: 'tagging',
    operations: ['GetBucketTagging', 'PutBucketTagging', 'DeleteBucketTagging'],
    actions: ['s3:GetBucketTagging', 's3:PutBucketTagging', 's3:PutBucketTagging'],
    absent: 'NoSuchTagSet',
    maxBytes: MAX_TAGGING_DOCUMENT_BYTES,
    keep(document) {
      parseTaggingDocument(document, MAX_BUCKET_TAGS);
      return document;
    },
    keys: (document) => requestTagKeys(parseTaggingDocument(document, MAX_BUCKET_TAGS)),
    status: 204,
  },
];

type BucketInput = { readonly bucket: BucketName };

function operationsOf(kept: KeptDocument): Operation<BucketInput>[] {
  const [get, put, remove] = kept.operations;
  const [getAction, putAction, removeAction] = kept.actions;
  const target = { target: 'bucket', query: [kept.parameter] } as const;
  const parse: Operation<BucketInput>['parse'] = (request) => ({ bucket: bucketOf(request) });
  return [
    defineOperation<BucketInput>({
      name: get,
      match: { method: 'GET', ...target },
      body: 'none',
      parse,
      questions: ({ bucket }) => [{ action: getAction, bucket }],
      async handle(grant, context) {
        const { bucket } = grant.input;
        await requireBucket(context, bucket);
        const document = (await grant.configuration.read(bucket)).documents[kept.name];
        if (document === undefined) throw new S3Error(kept.absent);
        return xmlReply(document);
      },
    }),
    defineOperation<BucketInput>({
      name: put,
      match: { method: 'PUT', ...target },
      body: kept.keys === undefined ? 'payload' : 'document',
      documentLimit: kept.maxBytes,
      parse,
      questions: ({ bucket }, { document }) => [{ action: putAction, bucket, context: kept.keys?.(document) ?? {} }],
      async handle(grant, context) {
        const { bucket } = grant.input;
        requireWritable(context);
        await requireBucket(context, bucket);
        const { payload, request } = grant;
        const document = kept.keys === undefined ? await readDocument(payload, kept.maxBytes) : request.document;
        await grant.configuration.set(bucket, kept.name, kept.keep(document));
        return { status: kept.status };
      },
    }),
    defineOperation<BucketInput>({
      name: remove,
      match: { method: 'DELETE', ...target },
      body: 'none',
      parse,
      questions: ({ bucket }) => [{ action: removeAction, bucket }],
      async handle(grant, context) {
        const { bucket } = grant.input;
        requireWritable(context);
        await requireBucket(context, bucket);
        await grant.configuration.remove(bucket, kept.name);
        return { status: 204 };
      },
    }),
  ];
}

/** Three operations a document. */
export const bucketDocuments: readonly Operation<BucketInput>[] = KEPT.flatMap(operationsOf);
