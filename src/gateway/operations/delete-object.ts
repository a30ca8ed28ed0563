// DeleteObject: removes an object; what is not there is removed already.
import { defineOperation } from '../s3/operation.ts';
import { bucketDirectory, bucketOf, keyOf, objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, removalGuard } from './conditional.ts';
import { removedEvent } from './object-events.ts';
import { isNullVersion, versionContext } from './object-lookup.ts';
import { removeObject } from './remove-object.ts';
import { answering } from './volume-errors.ts';
import { requireWriteConditions } from './write-conditions.ts';

export const deleteObject = defineOperation({
  name: 'DeleteObject',
  match: { method: 'DELETE', target: 'object' },
  body: 'none',
  parse: (request) => ({
    bucket: bucketOf(request),
    key: keyOf(request),
    versionId: request.query.get('versionId'),
  }),
  questions: (input) => [
    {
      action: 's3:DeleteObject',
      bucket: input.bucket,
      key: input.key,
      context: versionContext(input.versionId),
    },
  ],
  async handle(grant, context) {
    const { input, request } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    // a version that never was is gone; the object is not it
    if (!isNullVersion(input.versionId)) return { status: 204 };
    const path = objectPlace(context, input.bucket, input.key);
    const conditions = {
      etag: request.headers.get('if-match'),
      size: request.headers.get('x-amz-if-match-size'),
      modified: request.headers.get('x-amz-if-match-last-modified-time'),
    };
    const guard = decidedGuard(grant, input, removalGuard(conditions, context.features));
    const place = { volume: context.volume, bucketPath: bucketDirectory(context, input.bucket), path };
    await answering('target', async () => {
      await requireWriteConditions(context.volume, path, guard);
      await removeObject(place, input.key, guard);
    });
    return { status: 204, events: [removedEvent(input)] };
  },
});
