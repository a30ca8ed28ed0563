// DeleteObjects: many keys in one document, each decided on its own, each answered with its key. A name that is not valid
// names nothing: it is answered as an error, and neither asked about nor touched.
import type { CommitGuard } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { type BucketName, isDirectoryKey, keyComponents, type ObjectKey, parseObjectKey } from '../s3/object-name.ts';
import { defineOperation, type Grant, type OperationContext, type S3Request } from '../s3/operation.ts';
import { element, optionalElement, readXml, type XmlNode, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { bucketDirectory, bucketOf, objectPlace, requireBucket, requireWritable } from './bucket-access.ts';
import { decidedGuard, type RemovalConditions, removalGuard } from './conditional.ts';
import { xmlReply } from './listing.ts';
import { removedEvent } from './object-events.ts';
import { isNullVersion, versionContext } from './object-lookup.ts';
import { removeEmptyParents, removeObject } from './remove-object.ts';
import { asAnswer, isErrno, isMissing } from './volume-errors.ts';

/** AWS: keys of one request. */
export const MAX_DELETED_KEYS = 1000;
/** Most bytes of a document: the keys at their longest, with room for markup and references. */
export const MAX_DELETE_DOCUMENT_BYTES = 2 * 1024 * 1024;

/** An object of the document: what was written, and what it names. */
interface DeleteEntry {
  readonly text: string;
  readonly versionId: string | undefined;
  readonly key: ObjectKey | S3Error;
  readonly conditions: RemovalConditions;
}

type Named = DeleteEntry & { readonly key: ObjectKey };

function parse(request: S3Request) {
  const root = readXml(request.document, 'Delete', MAX_DELETE_DOCUMENT_BYTES);
  const objects = xmlChildren(root, 'Object');
  if (objects.length === 0 || objects.length > MAX_DELETED_KEYS) {
    throw new S3Error('MalformedXML', `A Delete document names 1 to ${MAX_DELETED_KEYS} objects.`);
  }
  return {
    bucket: bucketOf(request),
    quiet: xmlText(root, 'Quiet')?.trim() === 'true',
    entries: objects.map((object): DeleteEntry => {
      const text = xmlText(object, 'Key');
      if (text === undefined) throw new S3Error('MalformedXML', 'An Object names its Key.');
      const versionId = xmlText(object, 'VersionId');
      return {
        text,
        versionId,
        key: keyOrError(text, versionId),
        conditions: {
          etag: xmlText(object, 'ETag'),
          size: xmlText(object, 'Size'),
          modified: xmlText(object, 'LastModifiedTime'),
        },
      };
    }),
  };
}

function keyOrError(text: string, versionId: string | undefined): ObjectKey | S3Error {
  try {
    versionContext(versionId);
    return parseObjectKey(text);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
}

function isNamed(entry: DeleteEntry): entry is Named {
  return !(entry.key instanceof S3Error);
}

export const deleteObjects = defineOperation({
  name: 'DeleteObjects',
  match: { method: 'POST', target: 'bucket', query: ['delete'] },
  body: 'document',
  documentLimit: MAX_DELETE_DOCUMENT_BYTES,
  ask: 'each',
  parse,
  questions(input) {
    const { bucket } = input;
    const [first, ...more] = input.entries.filter(isNamed).map(({ key, versionId }) => ({
      action: 's3:DeleteObject',
      bucket,
      key,
      context: versionContext(versionId),
    }));
    // a document without one valid name still comes from somebody
    return first === undefined ? [{ action: 's3:DeleteObject', bucket }] : [first, ...more];
  },
  async handle(grant, context) {
    const { bucket, entries, quiet } = grant.input;
    requireWritable(context);
    await requireBucket(context, bucket);
    const results = new Map<DeleteEntry, S3Error>();
    const allowed: Named[] = [];
    for (const entry of entries) if (entry.key instanceof S3Error) results.set(entry, entry.key);
    entries.filter(isNamed).forEach((entry, i) => {
      if (grant.allowed[i] !== true) results.set(entry, grant.refusals[i] ?? new S3Error('AccessDenied'));
      else if (isNullVersion(entry.versionId)) allowed.push(entry);
    });
    for (const [entry, error] of await removeAll(grant, context, allowed)) results.set(entry, error);
    const reply = xmlReply(
      xmlDocument(
        'DeleteResult',
        entries.map((entry) => resultElement(entry, results.get(entry), quiet)),
      ),
    );
    const removed = allowed.filter((entry) => !results.has(entry));
    return { ...reply, events: removed.map(({ key }) => removedEvent({ bucket, key })) };
  },
});

function resultElement(entry: DeleteEntry, error: S3Error | undefined, quiet: boolean): XmlNode | undefined {
  const names = [
    element('Key', entry.text),
    optionalElement('VersionId', entry.versionId === '' ? undefined : entry.versionId),
  ];
  if (error !== undefined) {
    return element('Error', names, element('Code', error.code), element('Message', error.message));
  }
  return quiet ? undefined : element('Deleted', names);
}

/** Removes the objects; the errors of those that stand still. */
async function removeAll(
  grant: Grant<{ readonly bucket: BucketName }>,
  context: OperationContext,
  entries: readonly Named[],
): Promise<Map<DeleteEntry, S3Error>> {
  const { bucket } = grant.input;
  const errors = new Map<DeleteEntry, S3Error>();
  const byDirectory = new Map<string, Named[]>();
  const single: { entry: Named; guard: CommitGuard | undefined }[] = [];
  for (const entry of entries) {
    const guard = decidedGuard(grant, { bucket, key: entry.key }, removalGuard(entry.conditions, context.features));
    if (isDirectoryKey(entry.key) || guard !== undefined) {
      single.push({ entry, guard });
      continue;
    }
    const directory = keyComponents(entry.key).slice(0, -1).join('/');
    const group = byDirectory.get(directory);
    if (group === undefined) byDirectory.set(directory, [entry]);
    else group.push(entry);
  }
  for (const group of byDirectory.values()) await removeFiles(context, bucket, group, errors);
  // the deepest first, so that a directory whose objects are all named here is empty when its turn comes
  for (const { entry, guard } of single.toSorted((a, b) => b.entry.key.length - a.entry.key.length)) {
    await collect(errors, [entry], async () => {
      const path = objectPlace(context, bucket, entry.key);
      const bucketPath = bucketDirectory(context, bucket);
      await removeObject({ volume: context.volume, bucketPath, path }, entry.key, guard);
    });
  }
  return errors;
}

/** Removes files of one directory, and the directory if that left it empty. */
async function removeFiles(
  context: OperationContext,
  bucket: BucketName,
  group: readonly Named[],
  errors: Map<DeleteEntry, S3Error>,
): Promise<void> {
  const { volume } = context;
  const [first] = group;
  if (first === undefined) return;
  const directory = objectPlace(context, bucket, first.key).slice(0, -1);
  await collect(errors, group, async () => {
    const results = await volume.unlinkMany(
      directory,
      group.map(({ key }) => keyComponents(key).at(-1) ?? ''),
    );
    for (const [i, entry] of group.entries()) {
      const failure = results[i];
      // nothing there, or a directory, which is not the object of this key
      if (failure === undefined || isMissing(failure) || isErrno(failure, 'EISDIR')) continue;
      await collect(errors, [entry], () => Promise.reject(failure));
    }
    if (results.includes(undefined)) await removeEmptyParents(volume, bucketDirectory(context, bucket), directory);
  });
}

/** Does the work; an answerable failure becomes the error of these entries, nothing there is none, a fault is thrown on. */
async function collect(
  errors: Map<DeleteEntry, S3Error>,
  entries: readonly DeleteEntry[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isMissing(error)) return;
    const answer = asAnswer(error, 'target');
    if (!(answer instanceof S3Error)) throw answer;
    for (const entry of entries) errors.set(entry, answer);
  }
}
