// The public access block of a bucket: four switches, read and kept as S3 writes them. The sidecar obeys them: policies that let everyone
// in are refused or no longer do, and lists that grant to everyone likewise.
import { S3Error } from '../s3/errors.ts';
import { defineOperation } from '../s3/operation.ts';
import { element, readXml, xmlDocument, xmlText } from '../s3/xml.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { readDocument } from './write-payload.ts';

const SETTINGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
const MAX_DOCUMENT_BYTES = 64 * 1024;
const ROOT = 'PublicAccessBlockConfiguration';

/** The document as it is kept: each switch, absent ones off. Throws MalformedXML. */
function keptDocument(document: Buffer): string {
  const root = readXml(document, ROOT, MAX_DOCUMENT_BYTES);
  return xmlDocument(
    ROOT,
    SETTINGS.map((name) => {
      const value = xmlText(root, name)?.trim().toLowerCase() ?? 'false';
      if (value !== 'true' && value !== 'false') throw new S3Error('MalformedXML', `${name} should be true or false.`);
      return element(name, value);
    }),
  );
}

const match = { target: 'bucket', query: ['publicAccessBlock'] } as const;

export const getPublicAccessBlock = defineOperation({
  name: 'GetPublicAccessBlock',
  match: { ...match, method: 'GET' },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketPublicAccessBlock', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    await requireBucket(context, bucket);
    const { publicAccessBlock } = (await grant.configuration.read(bucket)).documents;
    if (publicAccessBlock === undefined) throw new S3Error('NoSuchPublicAccessBlockConfiguration');
    return xmlReply(publicAccessBlock);
  },
});

export const putPublicAccessBlock = defineOperation({
  name: 'PutPublicAccessBlock',
  match: { ...match, method: 'PUT' },
  body: 'payload',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketPublicAccessBlock', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    const document = keptDocument(await readDocument(grant.payload, MAX_DOCUMENT_BYTES));
    await grant.configuration.set(bucket, 'publicAccessBlock', Buffer.from(document));
    return { status: 200 };
  },
});

/** AWS: who may set it may remove it. */
export const deletePublicAccessBlock = defineOperation({
  name: 'DeletePublicAccessBlock',
  match: { ...match, method: 'DELETE' },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketPublicAccessBlock', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    await grant.configuration.remove(bucket, 'publicAccessBlock');
    return { status: 204 };
  },
});
