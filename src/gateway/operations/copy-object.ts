// CopyObject: an object out of another, by reference: no byte is read or written.
import { startChecksum } from '../s3/checksum.ts';
import { S3Error } from '../s3/errors.ts';
import { isDirectoryKey } from '../s3/object-name.ts';
import {
  type ChecksumAlgorithm,
  defineOperation,
  type Grant,
  type OperationContext,
  type S3Request,
} from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { bucketOf, keyOf, objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, requireCopySourceConditions, writeGuard } from './conditional.ts';
import { copySourceContext, copySourceQuestion, parseCopySource } from './copy-source.ts';
import { putDirectoryObject } from './directory-object.ts';
import { xmlReply } from './listing.ts';
import { ACL_XATTR, announceAcl, type NewObjectAcl, newObjectAcl } from './object-acl.ts';
import {
  METADATA_XATTR,
  type ObjectAttributes,
  objectSize,
  objectXattrs,
  storedEtag,
  storedMetadata,
  storedTags,
  TAGS_XATTR,
} from './object-attributes.ts';
import { readRange } from './object-body.ts';
import {
  CHECKSUM_XATTR,
  checksumElements,
  type ObjectChecksum,
  storedChecksum,
  storedParts,
} from './object-checksum.ts';
import { createdEvent } from './object-events.ts';
import { type FoundObject, findObject } from './object-lookup.ts';
import { storedTagText } from './tag-set.ts';
import { isoDate } from './timestamps.ts';
import { parseUploadHeaders, uploadQuestions } from './upload-headers.ts';
import { answering, isErrno } from './volume-errors.ts';
import { requireWriteConditions } from './write-conditions.ts';

type CopyInput = ReturnType<typeof parse>;

function parse(request: S3Request) {
  const input = {
    ...parseUploadHeaders(request),
    bucket: bucketOf(request),
    key: keyOf(request),
    source: parseCopySource(request),
    replaceMetadata: replaces(request, 'x-amz-metadata-directive'),
    replaceTags: replaces(request, 'x-amz-tagging-directive'),
  };
  const ontoItself = input.source.bucket === input.bucket && input.source.key === input.key;
  if (ontoItself && !input.replaceMetadata && !input.replaceTags) {
    throw new S3Error('InvalidRequest', 'Copying an object onto itself needs new metadata or tags (REPLACE).');
  }
  return { ...input, ontoItself };
}

function replaces(request: S3Request, directive: string): boolean {
  const value = request.headers.get(directive) ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') {
    throw new S3Error('InvalidArgument', `${directive} should be COPY or REPLACE.`, {
      fields: { ArgumentName: directive, ArgumentValue: value },
    });
  }
  return value === 'REPLACE';
}

export const copyObject = defineOperation({
  name: 'CopyObject',
  match: { method: 'PUT', target: 'object', header: ['x-amz-copy-source'] },
  body: 'none',
  parse,
  questions: (input, request) => [
    copySourceQuestion(input.source),
    ...uploadQuestions(request, input.replaceTags ? input.tags : [], copySourceContext(input.source), input.acl),
  ],
  async handle(grant, context) {
    const { input, request } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const source = await findObject(grant, context, input.source);
    requireCopySourceConditions(request.headers, {
      etag: storedEtag(source.xattrs, context.features),
      mtimeNs: source.attributes.mtimeNs,
    });
    const acl = await newObjectAcl(grant, input, input.acl);
    const attributes = { ...(await newAttributes(input, source, context)), acl: acl.xattr };
    const mtimeNs = await answering('target', () => copy(grant, source, attributes, acl, context));
    const reply = xmlReply(
      xmlDocument(
        'CopyObjectResult',
        element('LastModified', isoDate(mtimeNs)),
        element('ETag', attributes.etag === undefined ? '' : `"${attributes.etag}"`),
        checksumElements(attributes.checksum),
      ),
    );
    const copied = { size: objectSize(source.attributes), etag: attributes.etag };
    // MinIO: metadata is told of where the request says what it is
    const written = input.replaceMetadata ? { ...copied, headers: grant.request.headers } : copied;
    return { ...reply, events: [createdEvent('s3:ObjectCreated:Copy', input, written)] };
  },
});

/** What the copy carries: the source's, but for what is replaced. */
async function newAttributes(
  input: CopyInput,
  source: FoundObject,
  context: OperationContext,
): Promise<ObjectAttributes> {
  const { features } = context;
  return {
    etag: storedEtag(source.xattrs, features),
    metadata: input.replaceMetadata ? input.metadata : storedMetadata(source.xattrs),
    tags: input.replaceTags ? storedTagText(input.tags) : storedTags(source.xattrs, features),
    checksum: await checksumOfCopy(input.checksum, source, context),
    parts: storedParts(source.xattrs),
  };
}

/** The source's checksum, unless another is asked for, which means to read all its bytes. */
async function checksumOfCopy(
  wanted: ChecksumAlgorithm | undefined,
  source: FoundObject,
  context: OperationContext,
): Promise<ObjectChecksum | undefined> {
  const stored = storedChecksum(source.xattrs);
  if (wanted === undefined || (wanted === stored?.algorithm && stored.type === 'FULL_OBJECT')) return stored;
  const running = startChecksum(wanted);
  const range = { start: 0, end: objectSize(source.attributes) };
  await readRange(context, source, range, (bytes) => running.update(bytes));
  return { algorithm: wanted, type: 'FULL_OBJECT', value: running.digest().toString('base64') };
}

/** Copies, and answers the copy's modification time. */
async function copy(
  grant: Grant<CopyInput>,
  source: FoundObject,
  attributes: ObjectAttributes,
  acl: NewObjectAcl,
  context: OperationContext,
): Promise<bigint> {
  const { input, request } = grant;
  const { volume, features } = context;
  const path = objectPlace(context, input.bucket, input.key);
  const guard = decidedGuard(grant, input, writeGuard(request.headers, features));
  await requireWriteConditions(volume, path, guard);
  const size = objectSize(source.attributes);
  if (isDirectoryKey(input.key)) {
    if (size > 0) {
      throw new S3Error(
        'XMinioObjectExistsAsDirectory',
        "A key that ends in '/' names a directory, which holds no bytes.",
      );
    }
    if (!input.ontoItself) await putDirectoryObject(volume, path);
    return (await volume.stat(path)).mtimeNs;
  }
  const xattrs = objectXattrs(attributes, features);
  const { inode } = source.attributes;
  await announceAcl(volume, path, acl);
  try {
    if (input.ontoItself) {
      await volume.setXattrs(path, replacedXattrs(input, xattrs, context), { expectInode: inode });
      return source.attributes.mtimeNs;
    }
    const pieces = size === 0 ? [] : [{ inode, start: 0, end: size }];
    const copied = await volume.composeFile(path, pieces, { xattrs, ...(guard === undefined ? {} : { guard }) });
    return copied.mtimeNs;
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    throw new S3Error('OperationAborted', 'The source was replaced while it was copied. Try again.', { cause: error });
  }
}

/** Of a copy onto itself only what is replaced changes; what is not enabled stays as it lies. */
function replacedXattrs(
  input: CopyInput,
  xattrs: ReadonlyMap<string, Uint8Array>,
  { features }: OperationContext,
): Map<string, Uint8Array | undefined> {
  const replaced = new Map<string, Uint8Array | undefined>([[ACL_XATTR, xattrs.get(ACL_XATTR)]]);
  if (input.replaceMetadata) replaced.set(METADATA_XATTR, xattrs.get(METADATA_XATTR));
  if (input.checksum !== undefined) replaced.set(CHECKSUM_XATTR, xattrs.get(CHECKSUM_XATTR));
  if (input.replaceTags && features.objectTag) replaced.set(TAGS_XATTR, xattrs.get(TAGS_XATTR));
  return replaced;
}
