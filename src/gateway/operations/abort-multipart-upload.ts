// AbortMultipartUpload: the upload and its parts are gone.
import { defineOperation } from '../s3/operation.ts';
import { requireBucket, requireWritable } from './bucket-access.ts';
import { findUpload, parseUploadReference } from './multipart-upload.ts';
import { answering } from './volume-errors.ts';

export const abortMultipartUpload = defineOperation({
  name: 'AbortMultipartUpload',
  match: { method: 'DELETE', target: 'object', query: ['uploadId'] },
  body: 'none',
  parse: parseUploadReference,
  questions: ({ bucket, key }) => [{ action: 's3:AbortMultipartUpload', bucket, key }],
  async handle(grant, context) {
    requireWritable(context);
    await requireBucket(context, grant.input.bucket);
    const upload = await findUpload(context, grant.input);
    await answering('upload', () => context.volume.removeTree(upload.path, { skipTrash: true }));
    return { status: 204 };
  },
});
