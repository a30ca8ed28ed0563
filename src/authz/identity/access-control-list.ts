// Access control lists of buckets and objects: what they grant beside the policies. They are asked last, when no policy says anything of
// a request: a Deny, and a session policy that does not allow it, stand. What the owner of a bucket may do is said by policies alone, so
// that a right that was taken away does not live on in a list.
// AWS: "Access control list (ACL) overview", "Mapping of ACL permissions and access policy permissions".
import { z } from 'zod';

/** The permissions of a grant. */
export const ACL_PERMISSIONS = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'] as const;
export type AclPermission = (typeof ACL_PERMISSIONS)[number];

const USER_PREFIX = 'user:';
const EVERYONE = 'group:AllUsers';
const AUTHENTICATED = 'group:AuthenticatedUsers';

/** A stored list: to whom ('user:NAME', 'group:AllUsers', 'group:AuthenticatedUsers') what is granted. */
const StoredList = z.object({
  grants: z
    .array(
      z.object({
        grantee: z.union([z.string().startsWith(USER_PREFIX).max(256), z.literal(EVERYONE), z.literal(AUTHENTICATED)]),
        permission: z.enum(ACL_PERMISSIONS),
      }),
    )
    .max(100),
});

export type AccessControlList = z.infer<typeof StoredList>;

/** Reads a stored list; undefined for a text that is none. */
export function parseAccessControlList(text: string): AccessControlList | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return StoredList.safeParse(json).data;
}

/** Names of the users to whom a list grants something. */
export function grantedUsers({ grants }: AccessControlList): string[] {
  return grants.flatMap(({ grantee }) => (grantee.startsWith(USER_PREFIX) ? [grantee.slice(USER_PREFIX.length)] : []));
}

/** True when a list grants something to everyone, or to everyone with a key. */
export function isPublicList({ grants }: AccessControlList): boolean {
  return grants.some(({ grantee }) => grantee === EVERYONE || grantee === AUTHENTICATED);
}

/** The lists that hold for a bucket. */
export interface BucketAccessControl {
  readonly owner: string;
  readonly list: AccessControlList;
  /** Objects in it have lists of their own. */
  readonly objectLists: boolean;
  /** Grants to everyone count for nothing (public access is blocked). */
  readonly ignorePublic: boolean;
}

/**
 * The lists of a bucket, out of its documents; undefined when nothing is granted by any, or the bucket's owner wants no lists
 * (object ownership BucketOwnerEnforced). A list that cannot be read grants nothing.
 */
export function bucketAccessControl(
  document: (name: 'owner' | 'acl' | 'objectAcl' | 'ownershipControls' | 'publicAccessBlock') => string,
): BucketAccessControl | undefined {
  const text = document('acl');
  const list = text === '' ? undefined : parseAccessControlList(text);
  const objectLists = document('objectAcl') !== '';
  if ((list === undefined && !objectLists) || />\s*BucketOwnerEnforced\s*</.test(document('ownershipControls'))) {
    return undefined;
  }
  return {
    owner: document('owner'),
    list: list ?? { grants: [] },
    objectLists,
    ignorePublic: /<(?:\w+:)?IgnorePublicAcls>\s*true\s*</i.test(document('publicAccessBlock')),
  };
}

/** Condition key by which a caller says that the object is the request's own: its uploader may give it a list. */
export const NEW_OBJECT_KEY = 'portcullis:NewObject';
/** What a fact says in the place of grantees when there is no object. */
const NO_OBJECT = 'none';
/** Fact about an object: who is granted the permission, in the form of a grantee. */
export const OBJECT_ACL_FACT = 's3:ExistingObjectAcl/';

/** Actions by the permission on the bucket that grants them. */
const BY_BUCKET: Readonly<Record<string, AclPermission>> = {
  's3:ListBucket': 'READ',
  's3:ListBucketVersions': 'READ',
  's3:ListBucketMultipartUploads': 'READ',
  's3:GetBucketAcl': 'READ_ACP',
  's3:PutBucketAcl': 'WRITE_ACP',
  's3:PutObject': 'WRITE',
  's3:PutObjectTagging': 'WRITE',
  's3:AbortMultipartUpload': 'WRITE',
  's3:ListMultipartUploadParts': 'WRITE',
};

/** Actions by the permission on the object that grants them. */
const BY_OBJECT: Readonly<Record<string, AclPermission>> = {
  's3:GetObject': 'READ',
  's3:GetObjectVersion': 'READ',
  's3:GetObjectAttributes': 'READ',
  's3:GetObjectAcl': 'READ_ACP',
  's3:PutObjectAcl': 'WRITE_ACP',
};

/** What a list is asked about. */
export interface AclRequest {
  readonly action: string;
  /** '' for the bucket itself. */
  readonly object: string;
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/**
 * What the lists say: 'allow', the facts about the object that are needed to know, or nothing.
 * @param user whose rights it is about; '' for the anonymous
 */
export function askAccessControl(
  control: BucketAccessControl,
  user: string,
  { action, object, keys }: AclRequest,
): 'allow' | readonly string[] | undefined {
  const isNew = keys.get(NEW_OBJECT_KEY)?.[0] === 'true';
  const byBucket = action === 's3:PutObjectAcl' && isNew ? 'WRITE' : BY_BUCKET[action];
  if (byBucket !== undefined && grantedByBucket(control, user, byBucket)) return 'allow';
  const byObject = BY_OBJECT[action];
  if (byObject === undefined || object === '') return undefined;
  if (!control.objectLists && !grantedByBucket(control, user, 'READ')) return undefined;
  const facts = [`${OBJECT_ACL_FACT}${byObject}`, `${OBJECT_ACL_FACT}FULL_CONTROL`];
  if (facts.some((fact) => !keys.has(fact))) return facts;
  const grantees = facts.flatMap((fact) => keys.get(fact) ?? []);
  // who may list the bucket may know that there is no such object
  if (grantees.includes(NO_OBJECT)) return grantedByBucket(control, user, 'READ') ? 'allow' : undefined;
  return grantees.some((grantee) => names(grantee, user, control.ignorePublic)) ? 'allow' : undefined;
}

function grantedByBucket(control: BucketAccessControl, user: string, wanted: AclPermission): boolean {
  return (
    user !== control.owner &&
    control.list.grants.some(
      ({ grantee, permission }) =>
        (permission === wanted || permission === 'FULL_CONTROL') && names(grantee, user, control.ignorePublic),
    )
  );
}

function names(grantee: string, user: string, ignorePublic: boolean): boolean {
  if (grantee === EVERYONE) return !ignorePublic;
  if (grantee === AUTHENTICATED) return !ignorePublic && user !== '';
  return user !== '' && grantee === `${USER_PREFIX}${user}`;
}
