// DeleteBucket: removes an empty bucket, and what belonged to it: its open uploads and its configuration, so that a bucket
// made later under its name does not inherit its policy.
import { S3Error } from '../s3/errors.ts';
import type { BucketName } from '../s3/object-name.ts';
import { defineOperation, type OperationContext, type Question } from '../s3/operation.ts';
import { bucketOf, CONFIGURATION_AREA, requireBucket, requireWritable } from './bucket-access.ts';
import { bucketWorkArea } from './multipart-upload.ts';
import { answering } from './volume-errors.ts';

export const deleteBucket = defineOperation({
  name: 'DeleteBucket',
  match: { method: 'DELETE', target: 'bucket' },
  body: 'none',
  parse: (request) => ({
    bucket: bucketOf(request),
    // MinIO: with everything in it, which is an action of its own
    force: request.headers.get('x-minio-force-delete') === 'true',
  }),
  questions: ({ bucket, force }) => {
    const remove: Question = { action: 's3:DeleteBucket', bucket };
    return force ? [remove, { action: 's3:ForceDeleteBucket', bucket }] : [remove];
  },
  async handle(grant, context) {
    const { bucket, force } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    if (!context.features.multiBuckets) {
      throw new S3Error('BucketNotEmpty', 'The bucket is the volume itself and cannot be deleted.');
    }
    const path = context.bucketPath(bucket);
    await answering('bucket', () => (force ? context.volume.removeTree(path) : context.volume.rmdir(path)));
    await removeBelongings(context, bucket);
    await grant.configuration.forget(bucket);
    return { status: 204, events: [{ name: 's3:BucketRemoved:*', bucket, key: '' }] };
  },
});

async function removeBelongings(context: OperationContext, bucket: BucketName): Promise<void> {
  await context.volume.removeTree([CONFIGURATION_AREA, 'buckets', bucket], { skipTrash: true });
  await context.volume.removeTree(bucketWorkArea(context, bucket), { skipTrash: true });
}
