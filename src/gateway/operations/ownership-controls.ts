// Ownership controls of a bucket: whether access control lists count. What an uploader owns by them is shown in the lists of objects.
// AWS: "Controlling ownership of objects and disabling ACLs for your bucket".
import { S3Error } from '../s3/errors.ts';
import { defineOperation } from '../s3/operation.ts';
import { element, readXml, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { readKeptAcl } from './access-control-list.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { readDocument } from './write-payload.ts';

const OWNERSHIPS = ['BucketOwnerPreferred', 'ObjectWriter', 'BucketOwnerEnforced'] as const;
export type Ownership = (typeof OWNERSHIPS)[number];

const MAX_OWNERSHIP_DOCUMENT_BYTES = 16 * 1024;

/** Reads the x-amz-object-ownership header. Throws InvalidArgument. */
export function parseOwnership(text: string | undefined): Ownership | undefined {
  const found = OWNERSHIPS.find((candidate) => candidate === text);
  if (text !== undefined && found === undefined) {
    throw new S3Error('InvalidArgument', `x-amz-object-ownership should be one of ${OWNERSHIPS.join(', ')}.`, {
      fields: { ArgumentName: 'x-amz-object-ownership', ArgumentValue: text },
    });
  }
  return found;
}

export function ownershipDocument(ownership: Ownership): string {
  return xmlDocument('OwnershipControls', element('Rule', element('ObjectOwnership', ownership)));
}

export const getBucketOwnershipControls = defineOperation({
  name: 'GetBucketOwnershipControls',
  match: { method: 'GET', target: 'bucket', query: ['ownershipControls'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:GetBucketOwnershipControls', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    await requireBucket(context, bucket);
    const { ownershipControls } = (await grant.configuration.read(bucket)).documents;
    if (ownershipControls === undefined) throw new S3Error('OwnershipControlsNotFoundError');
    return xmlReply(ownershipControls);
  },
});

export const putBucketOwnershipControls = defineOperation({
  name: 'PutBucketOwnershipControls',
  match: { method: 'PUT', target: 'bucket', query: ['ownershipControls'] },
  body: 'payload',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketOwnershipControls', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    const document = await readDocument(grant.payload, MAX_OWNERSHIP_DOCUMENT_BYTES);
    const root = readXml(document, 'OwnershipControls', MAX_OWNERSHIP_DOCUMENT_BYTES);
    const [rule, ...more] = xmlChildren(root, 'Rule');
    const text = rule === undefined ? undefined : xmlText(rule, 'ObjectOwnership')?.trim();
    const ownership = OWNERSHIPS.find((candidate) => candidate === text);
    if (ownership === undefined || more.length > 0) throw new S3Error('MalformedXML');
    const { acl } = (await grant.configuration.read(bucket)).documents;
    if (ownership === 'BucketOwnerEnforced' && readKeptAcl(acl) !== undefined) {
      throw new S3Error(
        'InvalidBucketAclWithObjectOwnership',
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
      );
    }
    await grant.configuration.set(bucket, 'ownershipControls', Buffer.from(ownershipDocument(ownership)));
    return { status: 200 };
  },
});

export const deleteBucketOwnershipControls = defineOperation({
  name: 'DeleteBucketOwnershipControls',
  match: { method: 'DELETE', target: 'bucket', query: ['ownershipControls'] },
  body: 'none',
  parse: (request) => ({ bucket: bucketOf(request) }),
  questions: ({ bucket }) => [{ action: 's3:PutBucketOwnershipControls', bucket }],
  async handle(grant, context) {
    const { bucket } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    await grant.configuration.remove(bucket, 'ownershipControls');
    return { status: 204 };
  },
});
