// UploadPart: one part of an upload, out of the payload. A part may be uploaded again; the last one counts.

import { S3Error } from '../s3/errors.ts';
import { type ChecksumAlgorithm, defineOperation, type Payload, refusalIn } from '../s3/operation.ts';
import { requireBucket, requireWritable } from './bucket-access.ts';
import { refuseEncryption } from './encryption-headers.ts';
import { findUpload, parsePartNumber, parseUploadReference } from './multipart-upload.ts';
import { storedChecksum } from './object-checksum.ts';
import { requireUploadSize, uploadQuestions } from './upload-headers.ts';
import { partXattrs, requireUploadStill } from './upload-parts.ts';
import { answering } from './volume-errors.ts';
import { writePayload } from './write-payload.ts';

export const uploadPart = defineOperation({
  name: 'UploadPart',
  match: { method: 'PUT', target: 'object', query: ['partNumber', 'uploadId'] },
  body: 'payload',
  parse: (request) => {
    requireUploadSize(request);
    return {
      refusal: refusalIn(() => refuseEncryption(request.headers)),
      ...parseUploadReference(request),
      partNumber: parsePartNumber(request),
    };
  },
  questions: (_, request) => uploadQuestions(request, []),
  async handle(grant, context) {
    const { input } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const upload = await findUpload(context, input);
    const chosen = storedChecksum(upload.xattrs);
    if (chosen !== undefined && grant.payload !== undefined) chooseChecksum(grant.payload, chosen.algorithm);
    const writer = context.volume.create([...upload.path, String(input.partNumber)], { skipTrash: true });
    const { digests } = await answering('upload', () =>
      writePayload(grant.payload, writer, context.signal, ({ md5Hex, checksum }) => ({
        xattrs: partXattrs(md5Hex, checksum),
      })),
    );
    await requireUploadStill(context, input, upload);
    const { checksum } = digests;
    return {
      status: 200,
      headers: {
        etag: `"${digests.md5Hex}"`,
        ...(checksum === undefined ? {} : { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }),
      },
    };
  },
});

/** The part is to have the checksum that its upload chose. Throws InvalidRequest when it comes with another. */
function chooseChecksum(payload: Payload, algorithm: ChecksumAlgorithm): void {
  const declared = payload.declaredChecksum;
  if (declared !== undefined && declared !== algorithm) {
    throw new S3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${algorithm}, actual checksum Type: ${declared}`,
    );
  }
  payload.compute(algorithm);
}
