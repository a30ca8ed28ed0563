// UploadPart: one part of an upload, out of the payload. A part may be uploaded again; the last one counts.
import { defineOperation } from '../s3/operation.ts';
import { requireBucket, requireWritable } from './bucket-access.ts';
import { findUpload, parsePartNumber, parseUploadReference } from './multipart-upload.ts';
import { ETAG_XATTR } from './object-attributes.ts';
import { checksumHeaders, refuseEncryption, requireUploadSize, uploadQuestions } from './upload-headers.ts';
import { requireUploadStill } from './upload-parts.ts';
import { answering } from './volume-errors.ts';
import { writePayload } from './write-payload.ts';

export const uploadPart = defineOperation({
  name: 'UploadPart',
  match: { method: 'PUT', target: 'object', query: ['partNumber', 'uploadId'] },
  body: 'payload',
  parse: (request) => {
    requireUploadSize(request);
    refuseEncryption(request.headers);
    return { ...parseUploadReference(request), partNumber: parsePartNumber(request) };
  },
  questions: (_, request) => uploadQuestions(request, []),
  async handle(grant, context) {
    const { input } = grant;
    requireWritable(context);
    await requireBucket(context, input.bucket);
    const upload = await findUpload(context, input);
    const writer = context.volume.create([...upload.path, String(input.partNumber)], { skipTrash: true });
    const { digests } = await answering('upload', () =>
      writePayload(grant.payload, writer, context.signal, ({ md5Hex }) => ({
        xattrs: new Map([[ETAG_XATTR, Buffer.from(md5Hex)]]),
      })),
    );
    await requireUploadStill(context, input, upload);
    return { status: 200, headers: { etag: `"${digests.md5Hex}"`, ...checksumHeaders(digests.checksum) } };
  },
});
