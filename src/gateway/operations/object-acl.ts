// The access control list of an object lies beside its bytes, and only where one was asked for: without it an object is its bucket's
// owner's alone. The first one of a bucket is announced to the sidecar, which then asks for the lists of the bucket's objects.
import type { ExistingFile, Volume, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { BucketConfiguration, Grant, Question } from '../s3/operation.ts';
import {
  type AclRequest,
  isPrivate,
  isPublic,
  type KeptAcl,
  keptAcl,
  privateGrants,
  readKeptAcl,
} from './access-control-list.ts';
import { textXattr } from './object-attributes.ts';
import type { Owner } from './owner.ts';
import { answering, isErrno } from './volume-errors.ts';

export const ACL_XATTR = 's3-acl';

/** Condition keys of a list that comes with the object it is for. */
const NEW_OBJECT = { 'portcullis:NewObject': ['true'] };

/** A list, and whose object it is of. */
export interface OwnedAcl extends KeptAcl {
  readonly owner: Owner;
}

type Asking = Pick<Grant<unknown>, 'configuration' | 'principal'>;

interface Named {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
}

/** The question about a list that comes with an upload; none for those that say what is anyway. AWS: s3:PutObjectAcl. */
export function newAclQuestions(acl: AclRequest | undefined, { bucket, key }: Named): Question[] {
  if (acl === undefined || acl.isPlain) return [];
  return [{ action: 's3:PutObjectAcl', bucket, key, context: NEW_OBJECT }];
}

/** The list of an object that is being made. */
export interface NewObjectAcl {
  /** Undefined for an object that needs none. */
  readonly xattr: Uint8Array | undefined;
  /**
   * Tells the sidecar that the bucket has such objects, if it does not know. To be awaited when nothing but the commit is left to do: what
   * is refused before leaves nothing. Throws what storing configuration throws.
   */
  announce(): Promise<void>;
}

const NO_ACL: NewObjectAcl = { xattr: undefined, announce: async () => undefined };

/** The list of a new object that was uploaded with one. Throws AccessControlListNotSupported, AccessDenied. */
export async function newObjectAcl(grant: Asking, named: Named, acl: AclRequest | undefined): Promise<NewObjectAcl> {
  if (acl === undefined || acl.isPrivate) return NO_ACL;
  const configuration = await grant.configuration.read(named.bucket);
  // AWS: the one list that says no more than what is so without lists
  if (acl.isPlain && isEnforced(configuration)) return NO_ACL;
  const bucketOwner = configuration.documents.owner ?? '';
  const owner = grant.principal.type === 'Anonymous' ? bucketOwner : grant.principal.user;
  return kept(grant, named, configuration, { owner, grants: acl.grants(owner, bucketOwner) }, true);
}

/** The attribute of an object that gets a list, announced; undefined removes it. Throws as `newObjectAcl`, and as its `announce`. */
export async function changedObjectAcl(
  grant: Asking,
  named: Named,
  existing: ExistingFile,
  acl: AclRequest,
): Promise<Uint8Array | undefined> {
  const configuration = await grant.configuration.read(named.bucket);
  const bucketOwner = configuration.documents.owner ?? '';
  const { owner } = shownAcl(existing, bucketOwner);
  const changed = kept(grant, named, configuration, { owner, grants: acl.grants(owner, bucketOwner) }, false);
  await changed.announce();
  return changed.xattr;
}

function kept(
  grant: Asking,
  { bucket, key }: Named,
  configuration: BucketConfiguration,
  acl: OwnedAcl,
  isNew: boolean,
): NewObjectAcl {
  const bucketOwner = configuration.documents.owner ?? '';
  if (acl.owner === bucketOwner && isPrivate(acl.grants, acl.owner)) return NO_ACL;
  requireAclsAllowed(configuration, acl);
  const owners = new Set([`user:${acl.owner}`, `user:${bucketOwner}`]);
  const grantsToOthers = acl.grants.some(({ grantee }) => !owners.has(grantee));
  const isNews = grantsToOthers && configuration.documents.objectAcl === undefined;
  return {
    xattr: keptAcl(acl),
    announce: async () => {
      if (isNews) await grant.configuration.set(bucket, 'objectAcl', Buffer.from('some'), { key, isNew });
    },
  };
}

/** Announces the list of an object whose turn to be made has come, unless what stands at its place is in the way. */
export async function announceAcl(volume: Volume, path: VolumePath, acl: NewObjectAcl): Promise<void> {
  if (acl.xattr === undefined) return;
  await answering('target', async () => {
    try {
      if ((await volume.stat(path)).type === 'directory') throw new S3Error('XMinioObjectExistsAsDirectory');
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  });
  await acl.announce();
}

/** The bucket takes no lists. */
function isEnforced({ documents }: BucketConfiguration): boolean {
  return />\s*BucketOwnerEnforced\s*</.test(documents.ownershipControls ?? '');
}

/** Throws when the bucket takes no lists, or none for everyone. */
export function requireAclsAllowed(configuration: BucketConfiguration, { grants }: KeptAcl): void {
  const { documents } = configuration;
  if (isEnforced(configuration)) {
    throw new S3Error('AccessControlListNotSupported');
  }
  if (isPublic(grants) && /<(?:\w+:)?BlockPublicAcls>\s*true\s*</i.test(documents.publicAccessBlock ?? '')) {
    throw new S3Error('AccessDenied', 'The bucket blocks public access control lists.');
  }
}

/** The list of an object, whether one is kept or not. */
export function shownAcl({ xattrs }: Pick<ExistingFile, 'xattrs'>, bucketOwner: Owner): OwnedAcl {
  const kept = readKeptAcl(textXattr(xattrs, ACL_XATTR));
  const owner = kept?.owner ?? bucketOwner;
  return { owner, grants: kept?.grants ?? privateGrants(owner) };
}

/** Who is granted a permission on an object, beside its owner: what a decision may ask for. */
export function granteesOf(xattrs: ReadonlyMap<string, Uint8Array>, permission: string): string[] {
  const kept = readKeptAcl(textXattr(xattrs, ACL_XATTR));
  if (kept === undefined) return [];
  return kept.grants
    .filter((grant) => grant.permission === permission && grant.grantee !== `user:${kept.owner ?? ''}`)
    .map(({ grantee }) => grantee);
}
