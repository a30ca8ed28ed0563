// UploadPartCopy: a part out of an object, or a range of one. The bytes stay where they are and are referred to; they are
// read only where their MD5, which is the part's ETag, is not known.
import { createHash } from 'node:crypto';
import { S3Error } from '../s3/errors.ts';
import { defineOperation, type OperationContext } from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { requireBucket, requireWritable } from './bucket-access.ts';
import { requireCopySourceConditions } from './conditional.ts';
import { copySourceContext, copySourceQuestion, parseCopySource } from './copy-source.ts';
import { xmlReply } from './listing.ts';
import { findUpload, parsePartNumber, parseUploadReference } from './multipart-upload.ts';
import { ETAG_XATTR, objectSize, storedEtag } from './object-attributes.ts';
import { type FoundObject, findObject } from './object-lookup.ts';
import { type ByteRange, parseCopySourceRange } from './range.ts';
import { isoDate } from './timestamps.ts';
import { MAX_UPLOAD_BYTES, refuseEncryption, tooLarge, uploadQuestions } from './upload-headers.ts';
import { requireUploadStill } from './upload-parts.ts';
import { answering } from './volume-errors.ts';

const PLAIN_MD5 = /^[0-9a-f]{32}$/;

export const uploadPartCopy = defineOperation({
  name: 'UploadPartCopy',
  match: {
    method: 'PUT',
    target: 'object',
    query: ['partNumber', 'uploadId'],
    header: ['x-amz-copy-source'],
  },
  body: 'none',
  parse: (request) => {
    refuseEncryption(request.headers);
    const range = request.headers.get('x-amz-copy-source-range');
    return {
      ...parseUploadReference(request),
      partNumber: parsePartNumber(request),
      source: parseCopySource(request),
      range: range === undefined ? undefined : parseCopySourceRange(range),
    };
  },
  questions: (input, request) => [
    copySourceQuestion(input.source),
    ...uploadQuestions(request, [], copySourceContext(input.source)),
  ],
  async handle(grant, context) {
    const { input, request } = grant;
    const { volume, features } = context;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const upload = await findUpload(context, input);
    const source = await findObject(grant, context, input.source);
    const { attributes } = source;
    const etag = storedEtag(source.xattrs, features);
    requireCopySourceConditions(request.headers, { etag, mtimeNs: attributes.mtimeNs });
    const size = objectSize(attributes);
    const range = input.range?.checkedAgainst(size) ?? { start: 0, end: size };
    if (range.end - range.start > MAX_UPLOAD_BYTES) throw tooLarge(range.end - range.start);
    const whole = range.start === 0 && range.end === size;
    const md5 = whole && etag !== undefined && PLAIN_MD5.test(etag) ? etag : await md5Of(context, source, range);
    const pieces = range.start === range.end ? [] : [{ inode: attributes.inode, ...range }];
    const part = await answering('upload', () =>
      volume.composeFile([...upload.path, String(input.partNumber)], pieces, {
        xattrs: new Map([[ETAG_XATTR, Buffer.from(md5)]]),
        skipTrash: true,
      }),
    );
    await requireUploadStill(context, input, upload);
    return xmlReply(
      xmlDocument('CopyPartResult', element('LastModified', isoDate(part.mtimeNs)), element('ETag', `"${md5}"`)),
    );
  },
});

async function md5Of(context: OperationContext, source: FoundObject, range: ByteRange): Promise<string> {
  const hash = createHash('md5');
  if (range.start === range.end) return hash.digest('hex');
  const reader = await answering('object', () => context.volume.openInode(source.attributes.inode));
  try {
    let read = 0;
    for await (const bytes of reader.read(range.start, range.end, context.signal)) {
      hash.update(bytes);
      read += bytes.length;
    }
    if (read !== range.end - range.start)
      throw new S3Error('OperationAborted', 'The source changed while it was copied.');
  } finally {
    await reader.close();
  }
  return hash.digest('hex');
}
