// GetObjectTagging: the tags of an object.
import { defineOperation } from '../s3/operation.ts';
import { xmlReply } from './listing.ts';
import { storedTags } from './object-attributes.ts';
import { findObject } from './object-lookup.ts';
import { parseTaggedObject, requireTagging, taggingQuestion } from './object-tagging.ts';
import { parseStoredTags, taggingDocument } from './tag-set.ts';

export const getObjectTagging = defineOperation({
  name: 'GetObjectTagging',
  match: { method: 'GET', target: 'object', query: ['tagging'] },
  body: 'none',
  parse: parseTaggedObject,
  questions: (input) => taggingQuestion('s3:GetObjectTagging', input),
  async handle(grant, context) {
    requireTagging(context);
    const found = await findObject(grant, context, grant.input);
    return xmlReply(taggingDocument(parseStoredTags(storedTags(found.xattrs, context.features))));
  },
});
