// PutObjectTagging: replaces the tags of an object. The tags are part of the question, so they are read before it.
import { defineOperation } from '../s3/operation.ts';
import { requireWritable } from './bucket-access.ts';
import { parseTaggedObject, requireTagging, storeTags, taggingQuestion } from './object-tagging.ts';
import { MAX_TAGGING_DOCUMENT_BYTES, parseTaggingDocument, requestTagKeys, storedTagText } from './tag-set.ts';

export const putObjectTagging = defineOperation({
  name: 'PutObjectTagging',
  match: { method: 'PUT', target: 'object', query: ['tagging'] },
  body: 'document',
  documentLimit: MAX_TAGGING_DOCUMENT_BYTES,
  parse: (request) => ({ ...parseTaggedObject(request), tags: parseTaggingDocument(request.document) }),
  questions: (input) => taggingQuestion('s3:PutObjectTagging', input, requestTagKeys(input.tags)),
  async handle(grant, context) {
    requireTagging(context);
    requireWritable(context);
    await storeTags(grant, context, storedTagText(grant.input.tags));
    return { status: 200 };
  },
});
