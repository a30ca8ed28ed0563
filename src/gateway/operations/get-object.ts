// GetObject: the bytes of an object, or a range of them, streamed.
import type { FileReader } from '../../juicefs/volume.ts';
import { defineOperation, type Grant, type OperationContext, type S3Reply } from '../s3/operation.ts';
import { objectSize } from './object-attributes.ts';
import { fileBody } from './object-body.ts';
import { withReadEvent } from './object-events.ts';
import { type FoundObject, findObject } from './object-lookup.ts';
import { answerObject, type ObjectReadInput, objectReadQuestions, parseObjectRead } from './object-read.ts';
import { answering, isMissing } from './volume-errors.ts';

/** How often an object that is replaced between being found and being opened is looked for again. */
const OPEN_ATTEMPTS = 5;

export const getObject = defineOperation({
  name: 'GetObject',
  match: { method: 'GET', target: 'object' },
  body: 'none',
  parse: parseObjectRead,
  questions: objectReadQuestions,
  async handle(grant, context) {
    const { found, answer, reader } = await openObject(grant, context, OPEN_ATTEMPTS);
    if (answer.range === undefined) return { status: answer.status, headers: answer.headers };
    const contentLength = answer.range.end - answer.range.start;
    const told = (reply: S3Reply): S3Reply =>
      withReadEvent(reply, 's3:ObjectAccessed:Get', grant.input, objectSize(found.attributes));
    if (reader === undefined) return told({ status: answer.status, headers: answer.headers, body: Buffer.alloc(0) });
    try {
      // the snapshot that was opened is what is sent, under the headers of the very inode
      if (reader.attributes.size < answer.range.end) throw new Error(`inode ${found.attributes.inode} shrank`);
      return told({
        status: answer.status,
        headers: answer.headers,
        body: fileBody(reader, answer.range, context.signal),
        contentLength,
      });
    } catch (error) {
      await reader.close();
      throw error;
    }
  },
});

interface OpenedObject {
  readonly found: FoundObject;
  readonly answer: ReturnType<typeof answerObject>;
  /** Undefined when no byte is to be sent. */
  readonly reader: FileReader | undefined;
}

/** Finds and opens one and the same inode. */
async function openObject(
  grant: Grant<ObjectReadInput>,
  context: OperationContext,
  attempts: number,
): Promise<OpenedObject> {
  const found = await findObject(grant, context, grant.input);
  const answer = answerObject(grant, context, found);
  if (answer.range === undefined || answer.range.start === answer.range.end) {
    return { found, answer, reader: undefined };
  }
  try {
    const reader = await context.volume.openInode(found.attributes.inode);
    return { found, answer, reader };
  } catch (error) {
    if (attempts > 1 && isMissing(error)) return await openObject(grant, context, attempts - 1);
    return await answering('object', () => Promise.reject(error));
  }
}
