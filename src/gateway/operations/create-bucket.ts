// CreateBucket: a directory in the root of the volume.
import { S3Error } from '../s3/errors.ts';
import { defineOperation, type S3Request } from '../s3/operation.ts';
import { readXml, xmlText } from '../s3/xml.ts';
import { aclOfHeaders } from './access-control-list.ts';
import { bucketOf, requireWritable } from './bucket-access.ts';
import { bucketOwner } from './owner.ts';
import { ownershipDocument, parseOwnership } from './ownership-controls.ts';
import { setBucketAcl } from './put-bucket-acl.ts';
import { answering, isErrno } from './volume-errors.ts';

/** Most bytes of a CreateBucketConfiguration. */
export const MAX_CREATE_BUCKET_DOCUMENT_BYTES = 64 * 1024;
const MAX_LOCATION_CHARACTERS = 64;

function parseLocation(request: S3Request): string {
  if (request.document.length === 0) return '';
  const root = readXml(request.document, 'CreateBucketConfiguration', MAX_CREATE_BUCKET_DOCUMENT_BYTES);
  const location = xmlText(root, 'LocationConstraint')?.trim() ?? '';
  if (location.length > MAX_LOCATION_CHARACTERS) throw new S3Error('InvalidLocationConstraint');
  return location;
}

export const createBucket = defineOperation({
  name: 'CreateBucket',
  match: { method: 'PUT', target: 'bucket' },
  body: 'document',
  documentLimit: MAX_CREATE_BUCKET_DOCUMENT_BYTES,
  parse: (request) => {
    if (request.headers.get('x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true') {
      throw new S3Error('NotImplemented', 'Object lock is not implemented.');
    }
    return {
      bucket: bucketOf(request),
      location: parseLocation(request),
      acl: aclOfHeaders(request.headers),
      ownership: parseOwnership(request.headers.get('x-amz-object-ownership')),
    };
  },
  // AWS: what else is set with the bucket is an action of its own
  questions: ({ bucket, location, acl, ownership }) => [
    { action: 's3:CreateBucket', bucket, context: { 's3:LocationConstraint': [location] } },
    ...(acl === undefined || acl.isPlain ? [] : [{ action: 's3:PutBucketAcl', bucket }]),
    ...(ownership === undefined ? [] : [{ action: 's3:PutBucketOwnershipControls', bucket }]),
  ],
  async handle(grant, context) {
    const { bucket, acl, ownership } = grant.input;
    const headers = { location: `/${bucket}` };
    requireWritable(context);
    if (!context.features.multiBuckets) {
      // JuiceFS: the one bucket is always there, and making it is no error
      if (bucket === context.features.singleBucket) return { status: 200, headers };
      throw new S3Error('NoSuchBucket', 'The gateway serves one bucket. Others need --multi-buckets.');
    }
    const path = context.bucketPath(bucket);
    await answering('bucket', async () => {
      try {
        await context.volume.mkdir(path);
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error;
        const { type } = await context.volume.stat(path);
        const owner = await bucketOwner(grant, bucket);
        const own = type === 'directory' && (owner === '' || owner === grant.principal.user);
        throw own ? error : new S3Error('BucketAlreadyExists', undefined, { cause: error });
      }
    });
    try {
      await grant.configuration.create(bucket, { location: grant.input.location, lockEnabled: false });
      if (ownership !== undefined) {
        await grant.configuration.set(bucket, 'ownershipControls', Buffer.from(ownershipDocument(ownership)));
      }
      if (acl !== undefined && !acl.isPlain) await setBucketAcl(grant, bucket, acl);
    } catch (error) {
      // A bucket must not stand with what may be left of a former one's configuration, or with less than was asked.
      await context.volume.rmdir(path, { skipTrash: true });
      throw error;
    }
    return { status: 200, headers, events: [{ name: 's3:BucketCreated:*', bucket, key: '' }] };
  },
});
