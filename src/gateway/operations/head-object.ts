// HeadObject: what GetObject would say, without the bytes.
import { defineOperation } from '../s3/operation.ts';
import { findObject } from './object-lookup.ts';
import { answerObject, objectReadQuestions, parseObjectRead } from './object-read.ts';

export const headObject = defineOperation({
  name: 'HeadObject',
  match: { method: 'HEAD', target: 'object' },
  body: 'none',
  parse: parseObjectRead,
  questions: objectReadQuestions,
  async handle(grant, context) {
    const { status, headers, range } = answerObject(grant, context, await findObject(grant, context, grant.input));
    if (range === undefined) return { status, headers };
    return { status, headers, contentLength: range.end - range.start };
  },
});
