// GetObject: the bytes of an object, or a range of them, streamed.
import { defineOperation, type S3Reply } from '../s3/operation.ts';
import { objectSize } from './object-attributes.ts';
import { fileBody } from './object-body.ts';
import { withReadEvent } from './object-events.ts';
import { openObject } from './object-lookup.ts';
import { answerObject, objectReadQuestions, parseObjectRead } from './object-read.ts';

export const getObject = defineOperation({
  name: 'GetObject',
  match: { method: 'GET', target: 'object' },
  body: 'none',
  parse: parseObjectRead,
  questions: objectReadQuestions,
  async handle(grant, context) {
    const found = await openObject(grant, context, grant.input);
    const { reader } = found;
    try {
      const { status, headers, range } = answerObject(grant, context, found);
      if (range === undefined) {
        await reader?.close();
        return { status, headers };
      }
      const told = (reply: S3Reply): S3Reply =>
        withReadEvent(reply, 's3:ObjectAccessed:Get', grant.input, objectSize(found.attributes));
      if (reader === undefined || range.start === range.end) {
        await reader?.close();
        return told({ status, headers, body: NOTHING });
      }
      // the snapshot that was opened is what is sent, under the headers of the very inode
      if (reader.attributes.size < range.end) throw new Error(`inode ${found.attributes.inode} shrank`);
      const body = fileBody(reader, range, context.signal);
      return told({ status, headers, body, contentLength: range.end - range.start });
    } catch (error) {
      await reader?.close();
      throw error;
    }
  },
});

const NOTHING = Buffer.alloc(0);
