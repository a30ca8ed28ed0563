// PutObject: the payload becomes an object, or, for a key that ends in '/', a directory marked as one.
import { createHash } from 'node:crypto';
import { S3Error } from '../s3/errors.ts';
import { isDirectoryKey } from '../s3/object-name.ts';
import { defineOperation, type Grant, type OperationContext, type S3Reply } from '../s3/operation.ts';
import { bucketOf, keyOf, objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, writeGuard } from './conditional.ts';
import { putDirectoryObject } from './directory-object.ts';
import { objectXattrs } from './object-attributes.ts';
import { storedTagText } from './tag-set.ts';
import { checksumHeaders, parseUploadHeaders, requireUploadSize, uploadQuestions } from './upload-headers.ts';
import { answering } from './volume-errors.ts';
import { requireWriteConditions } from './write-conditions.ts';
import { readDocument, writePayload } from './write-payload.ts';

type PutObjectInput = ReturnType<typeof parse>;

function parse(request: Parameters<typeof parseUploadHeaders>[0]) {
  requireUploadSize(request);
  return { ...parseUploadHeaders(request), bucket: bucketOf(request), key: keyOf(request) };
}

export const putObject = defineOperation({
  name: 'PutObject',
  match: { method: 'PUT', target: 'object' },
  body: 'payload',
  parse,
  questions: (input, request) => uploadQuestions(request, input.tags),
  async handle(grant, context) {
    requireWritable(context);
    await requireBucket(context, grant.input.bucket);
    return isDirectoryKey(grant.input.key) ? await putDirectory(grant, context) : await putFile(grant, context);
  },
});

async function putFile(grant: Grant<PutObjectInput>, context: OperationContext): Promise<S3Reply> {
  const { input, request } = grant;
  const path = objectPlace(context, input.bucket, input.key);
  const guard = decidedGuard(grant, input, writeGuard(request.headers, context.features));
  await requireWriteConditions(context.volume, path, guard);
  const { digests } = await answering('target', () =>
    writePayload(grant.payload, context.volume.create(path), context.signal, (digests) => ({
      xattrs: objectXattrs(
        { etag: digests.md5Hex, metadata: input.metadata, tags: storedTagText(input.tags) },
        context.features,
      ),
      ...(guard === undefined ? {} : { guard }),
    })),
  );
  return { status: 200, headers: { etag: `"${digests.md5Hex}"`, ...checksumHeaders(digests.checksum) } };
}

const EMPTY_MD5 = createHash('md5').digest('hex');

async function putDirectory(grant: Grant<PutObjectInput>, context: OperationContext): Promise<S3Reply> {
  const { input, request } = grant;
  const path = objectPlace(context, input.bucket, input.key);
  await requireWriteConditions(context.volume, path, writeGuard(request.headers, context.features));
  if ((request.contentLength ?? 0) > 0) throw directoryWithBytes();
  // an unknown length may still turn out to be none
  const body = await readDocument(grant.payload, 0).catch((error) => {
    throw error instanceof S3Error && error.code === 'MalformedXML' ? directoryWithBytes() : error;
  });
  if (body.length > 0) throw directoryWithBytes();
  await answering('target', () => putDirectoryObject(context.volume, path));
  return { status: 200, headers: { etag: `"${EMPTY_MD5}"` } };
}

function directoryWithBytes(): S3Error {
  return new S3Error(
    'XMinioObjectExistsAsDirectory',
    "A key that ends in '/' names a directory, which holds no bytes.",
  );
}
