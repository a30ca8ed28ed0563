// DeleteObjectTagging: removes all tags of an object.
import { defineOperation } from '../s3/operation.ts';
import { requireWritable } from './bucket-access.ts';
import { parseTaggedObject, requireTagging, storeTags, taggingQuestion } from './object-tagging.ts';

export const deleteObjectTagging = defineOperation({
  name: 'DeleteObjectTagging',
  match: { method: 'DELETE', target: 'object', query: ['tagging'] },
  body: 'none',
  parse: parseTaggedObject,
  questions: (input) => taggingQuestion('s3:DeleteObjectTagging', input),
  async handle(grant, context) {
    requireTagging(context);
    requireWritable(context);
    await storeTags(grant, context, undefined);
    return { status: 204 };
  },
});
