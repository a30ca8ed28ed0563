// UploadPartCopy: a part out of an object, or a range of one. The bytes stay where they are and are referred to; they are
// read only where their MD5, which is the part's ETag, is not known.

import { createHash } from 'node:crypto';
import { startChecksum } from '../s3/checksum.ts';
import {
  type ChecksumAlgorithm,
  defineOperation,
  type OperationContext,
  type PayloadDigests,
  refusalIn,
} from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { requireBucket, requireWritable } from './bucket-access.ts';
import { requireCopySourceConditions } from './conditional.ts';
import { copySourceContext, copySourceQuestion, parseCopySource } from './copy-source.ts';
import { refuseEncryption } from './encryption-headers.ts';
import { xmlReply } from './listing.ts';
import { findUpload, parsePartNumber, parseUploadReference } from './multipart-upload.ts';
import { objectSize, storedEtag } from './object-attributes.ts';
import { readRange } from './object-body.ts';
import { partChecksumElement, storedChecksum } from './object-checksum.ts';
import { type FoundObject, findObject } from './object-lookup.ts';
import { type ByteRange, parseCopySourceRange } from './range.ts';
import { isoDate } from './timestamps.ts';
import { MAX_UPLOAD_BYTES, tooLarge, uploadQuestions } from './upload-headers.ts';
import { partXattrs, requireUploadStill } from './upload-parts.ts';
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
    const range = request.headers.get('x-amz-copy-source-range');
    return {
      refusal: refusalIn(() => refuseEncryption(request.headers)),
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
    const digests = await digestsOf(context, source, range, storedChecksum(upload.xattrs)?.algorithm);
    const pieces = range.start === range.end ? [] : [{ inode: attributes.inode, ...range }];
    const part = await answering('upload', () =>
      volume.composeFile([...upload.path, String(input.partNumber)], pieces, {
        xattrs: partXattrs(digests.md5, digests.checksum),
        skipTrash: true,
      }),
    );
    await requireUploadStill(context, input, upload);
    return xmlReply(
      xmlDocument(
        'CopyPartResult',
        element('LastModified', isoDate(part.mtimeNs)),
        element('ETag', `"${digests.md5}"`),
        partChecksumElement(digests.checksum),
      ),
    );
  },
});

/** The MD5 of the range, and the checksum that its upload chose: those of the object where it is the whole of it and they are known. */
async function digestsOf(
  context: OperationContext,
  source: FoundObject,
  range: ByteRange,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<{ md5: string; checksum: PayloadDigests['checksum'] }> {
  const whole = range.start === 0 && range.end === objectSize(source.attributes);
  const etag = storedEtag(source.xattrs, context.features);
  const stored = storedChecksum(source.xattrs);
  const checksum =
    algorithm !== undefined && stored?.algorithm === algorithm && stored.type === 'FULL_OBJECT' ? stored : undefined;
  if (whole && etag !== undefined && PLAIN_MD5.test(etag) && (algorithm === undefined || checksum !== undefined)) {
    return { md5: etag, checksum };
  }
  const md5 = createHash('md5');
  const running = algorithm === undefined ? undefined : startChecksum(algorithm);
  await readRange(context, source, range, (bytes) => {
    md5.update(bytes);
    running?.update(bytes);
  });
  const computed =
    algorithm === undefined || running === undefined
      ? undefined
      : { algorithm, value: running.digest().toString('base64') };
  return { md5: md5.digest('hex'), checksum: computed };
}
