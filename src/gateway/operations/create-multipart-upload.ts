// CreateMultipartUpload: a directory in the work area that waits for parts.

import { S3Error } from '../s3/errors.ts';
import { isDirectoryKey } from '../s3/object-name.ts';
import { defineOperation } from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { bucketOf, keyOf, requireBucket, requireWritable } from './bucket-access.ts';
import { xmlReply } from './listing.ts';
import { newUploadId, uploadDirectory } from './multipart-upload.ts';
import { newObjectAcl } from './object-acl.ts';
import { objectXattrs, UPLOAD_KEY_XATTR, UPLOAD_OWNER_XATTR } from './object-attributes.ts';
import { uploadChecksum } from './object-checksum.ts';
import { canonicalId } from './owner.ts';
import { storedTagText } from './tag-set.ts';
import { parseUploadHeaders, uploadQuestions } from './upload-headers.ts';
import { answering } from './volume-errors.ts';

export const createMultipartUpload = defineOperation({
  name: 'CreateMultipartUpload',
  match: { method: 'POST', target: 'object', query: ['uploads'] },
  body: 'none',
  parse: (request) => ({
    ...parseUploadHeaders(request),
    checksum: uploadChecksum(request.headers),
    bucket: bucketOf(request),
    key: keyOf(request),
  }),
  questions: (input, request) => uploadQuestions(request, input.tags, {}, input.acl),
  async handle(grant, context) {
    const { bucket, key, metadata, tags, checksum } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    if (isDirectoryKey(key)) {
      throw new S3Error(
        'XMinioObjectExistsAsDirectory',
        "A key that ends in '/' names a directory, which has no parts.",
      );
    }
    const uploadId = newUploadId();
    const path = uploadDirectory(context, bucket, uploadId);
    const acl = await newObjectAcl(grant, grant.input, grant.input.acl);
    const xattrs = objectXattrs(
      { etag: undefined, metadata, tags: storedTagText(tags), checksum, acl: acl.xattr },
      context.features,
    );
    xattrs.set(UPLOAD_KEY_XATTR, Buffer.from(key));
    xattrs.set(UPLOAD_OWNER_XATTR, Buffer.from(canonicalId(grant.principal.user)));
    await acl.announce();
    await answering('upload', async () => {
      await context.volume.mkdirs(path);
      await context.volume.setXattrs(path, xattrs);
    });
    const reply = xmlReply(
      xmlDocument(
        'InitiateMultipartUploadResult',
        element('Bucket', bucket),
        element('Key', key),
        element('UploadId', uploadId),
      ),
    );
    if (checksum === undefined) return reply;
    const { algorithm, type } = checksum;
    return {
      ...reply,
      headers: {
        ...reply.headers,
        'x-amz-checksum-algorithm': algorithm.toUpperCase(),
        'x-amz-checksum-type': type,
      },
    };
  },
});
