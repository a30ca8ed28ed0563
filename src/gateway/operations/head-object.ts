// HeadObject: what GetObject would say, without the bytes.
import { defineOperation } from '../s3/operation.ts';
import { objectSize } from './object-attributes.ts';
import { withReadEvent } from './object-events.ts';
import { findObject } from './object-lookup.ts';
import { answerObject, objectReadQuestions, parseObjectRead } from './object-read.ts';

export const headObject = defineOperation({
  name: 'HeadObject',
  match: { method: 'HEAD', target: 'object' },
  body: 'none',
  parse: parseObjectRead,
  questions: objectReadQuestions,
  async handle(grant, context) {
    const found = await findObject(grant, context, grant.input);
    const { status, headers, range } = answerObject(grant, context, found);
    if (range === undefined) return { status, headers };
    const reply = { status, headers, contentLength: range.end - range.start };
    return withReadEvent(reply, 's3:ObjectAccessed:Head', grant.input, objectSize(found.attributes));
  },
});
