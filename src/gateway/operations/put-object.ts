// PutObject: the payload becomes an object, or, for a key that ends in '/', a directory marked as one.
import { createHash } from 'node:crypto';
import { S3Error } from '../s3/errors.ts';
import { type BucketName, isDirectoryKey, type ObjectKey } from '../s3/object-name.ts';
import { defineOperation, type Grant, type OperationContext, type PayloadDigests } from '../s3/operation.ts';
import { bucketOf, keyOf, objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, writeGuard } from './conditional.ts';
import { putDirectoryObject } from './directory-object.ts';
import { announceAcl, newObjectAcl } from './object-acl.ts';
import { objectXattrs } from './object-attributes.ts';
import { checksumAnswerHeaders, type ObjectChecksum } from './object-checksum.ts';
import { createdEvent } from './object-events.ts';
import { storedTagText } from './tag-set.ts';
import { parseUploadHeaders, requireUploadSize, type UploadHeaders, uploadQuestions } from './upload-headers.ts';
import { answering } from './volume-errors.ts';
import { requireWriteConditions } from './write-conditions.ts';
import { readDocument, type SizeRange, writePayload } from './write-payload.ts';

function parse(request: Parameters<typeof parseUploadHeaders>[0]) {
  requireUploadSize(request);
  return { ...parseUploadHeaders(request), bucket: bucketOf(request), key: keyOf(request) };
}

export const putObject = defineOperation({
  name: 'PutObject',
  match: { method: 'PUT', target: 'object' },
  body: 'payload',
  parse,
  questions: (input, request) => uploadQuestions(request, input.tags, {}, input.acl),
  async handle(grant, context) {
    requireWritable(context);
    const stored = await putIntoBucket(grant, context);
    return {
      status: 200,
      headers: { etag: `"${stored.etag}"`, ...stored.headers },
      events: [createdEvent('s3:ObjectCreated:Put', grant.input, { ...stored, headers: grant.request.headers })],
    };
  },
});

/** Bodies up to this come with the headers, or nearly so: whether there is a bucket is found out when they are committed. */
const SMALL_BODY_BYTES = 64 * 1024;

/** As `putPayload`, of a bucket that may not be there: NoSuchBucket, and before a large body travels. */
async function putIntoBucket(grant: Grant<ObjectUpload>, context: OperationContext): Promise<StoredObject> {
  const { input, request } = grant;
  const { contentLength = Number.POSITIVE_INFINITY, headers } = request;
  if (isDirectoryKey(input.key) || contentLength > SMALL_BODY_BYTES || headers.has('expect')) {
    await requireBucket(context, input.bucket);
    return putPayload(grant, context);
  }
  try {
    return await putPayload(grant, context);
  } catch (error) {
    // Whatever is wrong with the object: without a bucket, that is what is wrong.
    await requireBucket(context, input.bucket);
    throw error;
  }
}

/** An upload of a whole object: its name, and what it is to carry. */
export interface ObjectUpload extends UploadHeaders {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
}

/** What became of an upload. */
export interface StoredObject {
  readonly etag: string;
  readonly size: number;
  /** What the answer says of it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Puts the payload of a request where its key says, in a bucket that must be there. */
export function putPayload(
  grant: Grant<ObjectUpload>,
  context: OperationContext,
  sizes?: SizeRange,
): Promise<StoredObject> {
  return isDirectoryKey(grant.input.key) ? putDirectory(grant, context) : putFile(grant, context, sizes);
}

async function putFile(
  grant: Grant<ObjectUpload>,
  context: OperationContext,
  sizes?: SizeRange,
): Promise<StoredObject> {
  const { input, request, payload } = grant;
  const path = objectPlace(context, input.bucket, input.key);
  const guard = decidedGuard(grant, input, writeGuard(request.headers, context.features));
  await requireWriteConditions(context.volume, path, guard);
  const acl = await newObjectAcl(grant, input, input.acl);
  if (input.checksum !== undefined) payload?.compute(input.checksum);
  const { digests } = await answering('target', () =>
    writePayload(
      payload,
      context.volume.create(path, { existingParents: context.bucketPath(input.bucket).length }),
      context.signal,
      async (digests) => {
        await announceAcl(context.volume, path, acl);
        return {
          xattrs: objectXattrs(
            {
              etag: digests.md5Hex,
              metadata: input.metadata,
              tags: storedTagText(input.tags),
              checksum: wholeChecksum(digests),
              acl: acl.xattr,
            },
            context.features,
          ),
          ...(guard === undefined ? {} : { guard }),
        };
      },
      sizes,
    ),
  );
  return { etag: digests.md5Hex, size: digests.size, headers: checksumAnswerHeaders(wholeChecksum(digests)) };
}

/** The checksum of an object that came in one piece. */
function wholeChecksum({ checksum }: PayloadDigests): ObjectChecksum | undefined {
  return checksum === undefined ? undefined : { ...checksum, type: 'FULL_OBJECT' };
}

const EMPTY_MD5 = createHash('md5').digest('hex');

async function putDirectory(
  { input, request, payload }: Grant<ObjectUpload>,
  context: OperationContext,
): Promise<StoredObject> {
  const path = objectPlace(context, input.bucket, input.key);
  await requireWriteConditions(context.volume, path, writeGuard(request.headers, context.features));
  if ((request.contentLength ?? 0) > 0) throw directoryWithBytes();
  // an unknown length may still turn out to be none
  const body = await readDocument(payload, 0).catch((error) => {
    throw error instanceof S3Error && error.code === 'MalformedXML' ? directoryWithBytes() : error;
  });
  if (body.length > 0) throw directoryWithBytes();
  await answering('target', () => putDirectoryObject(context.volume, path));
  return { etag: EMPTY_MD5, size: 0, headers: {} };
}

function directoryWithBytes(): S3Error {
  return new S3Error(
    'XMinioObjectExistsAsDirectory',
    "A key that ends in '/' names a directory, which holds no bytes.",
  );
}
