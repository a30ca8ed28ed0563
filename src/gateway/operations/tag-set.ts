// Tags of objects: their limits, and their three spellings (x-amz-tagging, the Tagging document, the stored URL query).
import { S3Error } from '../s3/errors.ts';
import { element, readXml, xmlChild, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';

/** AWS: limits of the tags of an object. */
export const MAX_OBJECT_TAGS = 10;
/** AWS: most tags of a bucket. */
export const MAX_BUCKET_TAGS = 50;
export const MAX_TAG_KEY_CHARACTERS = 128;
export const MAX_TAG_VALUE_CHARACTERS = 256;
/** Most bytes of a Tagging document. */
export const MAX_TAGGING_DOCUMENT_BYTES = 64 * 1024;

/** AWS: letters, digits and blanks of any script, and these signs. */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
/** AWS: keys of its own. */
const RESERVED_KEY = /^aws:/i;

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Reads an x-amz-tagging header. Throws InvalidArgument, InvalidTag. */
export function parseTaggingHeader(header: string): readonly Tag[] {
  const tags = header === '' ? [] : header.split('&').map(parseTagPair);
  return checkedTags(tags);
}

function parseTagPair(pair: string): Tag {
  const [key = '', value = ''] = pair.split(/=(.*)/s);
  return { key: decodeQueryText(key), value: decodeQueryText(value) };
}

function decodeQueryText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new S3Error('InvalidArgument', 'The tags should be written as a URL query.', {
      fields: { ArgumentName: 'x-amz-tagging' },
      cause,
    });
  }
}

/** Reads a Tagging document. Throws MalformedXML, InvalidTag. */
export function parseTaggingDocument(document: Uint8Array, most: number = MAX_OBJECT_TAGS): readonly Tag[] {
  const set = xmlChild(readXml(document, 'Tagging', MAX_TAGGING_DOCUMENT_BYTES), 'TagSet');
  if (set === undefined) throw new S3Error('MalformedXML');
  return checkedTags(
    xmlChildren(set, 'Tag').map((tag) => {
      const key = xmlText(tag, 'Key');
      const value = xmlText(tag, 'Value');
      if (key === undefined || value === undefined) throw new S3Error('MalformedXML');
      return { key, value };
    }),
    most,
  );
}

function checkedTags(tags: readonly Tag[], most: number = MAX_OBJECT_TAGS): readonly Tag[] {
  if (tags.length > most) throw new S3Error('InvalidTag', `There may be at most ${most} tags.`);
  const keys = new Set<string>();
  for (const { key, value } of tags) {
    if (key === '' || [...key].length > MAX_TAG_KEY_CHARACTERS || !TAG_TEXT.test(key)) {
      throw invalidTag('The key of a tag is not valid.', key);
    }
    if (RESERVED_KEY.test(key)) throw invalidTag('Keys that begin with "aws:" are reserved.', key);
    if ([...value].length > MAX_TAG_VALUE_CHARACTERS || !TAG_TEXT.test(value)) {
      throw invalidTag('The value of a tag is not valid.', key);
    }
    if (keys.has(key)) throw invalidTag('A tag key occurs twice.', key);
    keys.add(key);
  }
  return tags;
}

function invalidTag(message: string, key: string): S3Error {
  return new S3Error('InvalidTag', message, { fields: { TagKey: key } });
}

/** The tags as they are stored: 'k=v&k2=v2'. */
export function storedTagText(tags: readonly Tag[]): string {
  return tags.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join('&');
}

/** Reads stored tags. Whoever wrote them, nothing here is refused: they are there. */
export function parseStoredTags(text: string | undefined): readonly Tag[] {
  return [...new URLSearchParams(text ?? '')].map(([key, value]) => ({ key, value }));
}

/** The Tagging document, by key. */
export function taggingDocument(tags: readonly Tag[]): string {
  const sorted = tags.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const set = sorted.map(({ key, value }) => element('Tag', element('Key', key), element('Value', value)));
  return xmlDocument('Tagging', element('TagSet', set));
}

/** The condition keys of a request that brings tags. */
export function requestTagKeys(tags: readonly Tag[]): Readonly<Record<string, readonly string[]>> {
  if (tags.length === 0) return {};
  const entries: [string, readonly string[]][] = tags.map(({ key, value }) => [`s3:RequestObjectTag/${key}`, [value]]);
  return Object.fromEntries([...entries, ['s3:RequestObjectTagKeys', tags.map(({ key }) => key)]]);
}
