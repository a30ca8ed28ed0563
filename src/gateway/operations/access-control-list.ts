// Access control lists: how clients write them (canned, by headers, as a document), how they are kept, and how they are shown. What they
// grant is decided by the sidecar.
// AWS: "Access control list (ACL) overview".
import { z } from 'zod';
import { S3Error } from '../s3/errors.ts';
import {
  element,
  elementWith,
  readXml,
  type XmlElement,
  type XmlNode,
  xmlChild,
  xmlChildren,
  xmlDocument,
  xmlText,
} from '../s3/xml.ts';
import { canonicalId, type Owner, ownerElement, ownerFields, ownerOfId } from './owner.ts';

/** Most bytes of an AccessControlPolicy. */
export const MAX_ACL_DOCUMENT_BYTES = 64 * 1024;
/** AWS: most grants of a list. */
export const MAX_GRANTS = 100;

const SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance';
const GROUP_URI = 'http://acs.amazonaws.com/groups/global/';

const PERMISSIONS = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'] as const;
export type AclPermission = (typeof PERMISSIONS)[number];

/** 'user:NAME' ('user:' is the account), or one of the two groups. */
export type Grantee = `user:${string}` | 'group:AllUsers' | 'group:AuthenticatedUsers';

export interface AclGrant {
  readonly grantee: Grantee;
  readonly permission: AclPermission;
}

const EVERYONE: Grantee = 'group:AllUsers';
const AUTHENTICATED: Grantee = 'group:AuthenticatedUsers';

function user(owner: Owner): Grantee {
  return `user:${owner}`;
}

/** Everything is its owner's alone. */
export function privateGrants(owner: Owner): readonly AclGrant[] {
  return [{ grantee: user(owner), permission: 'FULL_CONTROL' }];
}

/** True for a list that says no more than that. */
export function isPrivate(grants: readonly AclGrant[], owner: Owner): boolean {
  const [only, ...more] = grants;
  return more.length === 0 && only?.grantee === user(owner) && only.permission === 'FULL_CONTROL';
}

/** True for a list that grants something to everyone, or to everyone with a key. */
export function isPublic(grants: readonly AclGrant[]): boolean {
  return grants.some(({ grantee }) => grantee === EVERYONE || grantee === AUTHENTICATED);
}

/** A list as a request asks for it, before it is known whose the bucket and the object are. */
export interface AclRequest {
  /** The list that is without any. */
  readonly isPrivate: boolean;
  /** It grants nothing but to the owners of the object and its bucket: nobody has to be allowed to set it. */
  readonly isPlain: boolean;
  /** @param bucketOwner only lists of objects ask for it */
  grants(owner: Owner, bucketOwner: Owner): readonly AclGrant[];
}

type Canned = (owner: Owner, bucketOwner: Owner) => readonly AclGrant[];

const toEveryone =
  (...permissions: readonly AclPermission[]): Canned =>
  (owner) => [...permissions.map((permission) => ({ grantee: EVERYONE, permission })), ...privateGrants(owner)];

const toBucketOwner =
  (permission: AclPermission): Canned =>
  (owner, bucketOwner) => [
    ...privateGrants(owner),
    ...(owner === bucketOwner ? [] : [{ grantee: user(bucketOwner), permission }]),
  ];

const CANNED: Readonly<Record<string, Canned>> = {
  private: privateGrants,
  'public-read': toEveryone('READ'),
  'public-read-write': toEveryone('READ', 'WRITE'),
  'authenticated-read': (owner) => [{ grantee: AUTHENTICATED, permission: 'READ' }, ...privateGrants(owner)],
  'bucket-owner-read': toBucketOwner('READ'),
  'bucket-owner-full-control': toBucketOwner('FULL_CONTROL'),
};

/** Canned lists of AWS's that speak of services which there are none of. */
const FOREIGN: ReadonlySet<string> = new Set(['aws-exec-read', 'log-delivery-write']);

const GRANT_HEADERS: Readonly<Record<string, AclPermission>> = {
  'x-amz-grant-read': 'READ',
  'x-amz-grant-write': 'WRITE',
  'x-amz-grant-read-acp': 'READ_ACP',
  'x-amz-grant-write-acp': 'WRITE_ACP',
  'x-amz-grant-full-control': 'FULL_CONTROL',
};

type Headers = ReadonlyMap<string, string>;

/** The list that headers ask for; undefined when they ask for none. Throws InvalidArgument, InvalidRequest, NotImplemented. */
export function aclOfHeaders(headers: Headers): AclRequest | undefined {
  const name = headers.get('x-amz-acl');
  const grants = Object.entries(GRANT_HEADERS).flatMap(([header, permission]) =>
    parseGrantees(headers.get(header)).map((grantee): AclGrant => ({ grantee, permission })),
  );
  if (name === undefined) {
    if (grants.length === 0) return undefined;
    if (grants.length > MAX_GRANTS) throw new S3Error('InvalidArgument', `A list has at most ${MAX_GRANTS} grants.`);
    return { isPrivate: false, isPlain: false, grants: () => grants };
  }
  if (grants.length > 0) {
    throw new S3Error('InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed.');
  }
  if (FOREIGN.has(name)) throw new S3Error('NotImplemented', `The canned ACL ${name} is not implemented.`);
  const canned = Object.hasOwn(CANNED, name) ? CANNED[name] : undefined;
  if (canned === undefined) {
    throw new S3Error('InvalidArgument', 'The canned ACL is not one of those that there are.', {
      fields: { ArgumentName: 'x-amz-acl', ArgumentValue: name },
    });
  }
  const isPrivate = name === 'private';
  return { isPrivate, isPlain: isPrivate || name.startsWith('bucket-owner-'), grants: canned };
}

/** 'id="…", uri="…"' */
function parseGrantees(header: string | undefined): Grantee[] {
  if (header === undefined || header.trim() === '') return [];
  return header.split(',').map((item) => {
    const match = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*$/i.exec(item);
    if (match === null) {
      throw new S3Error('InvalidArgument', 'A grant is written id="…", uri="…" or emailAddress="…".', {
        fields: { ArgumentValue: item.trim() },
      });
    }
    const [, kind = '', value = ''] = match;
    return granteeOf({ [kind.toLowerCase()]: value });
  });
}

function granteeOf(named: { id?: string; uri?: string; emailaddress?: string }): Grantee {
  if (named.id !== undefined) return user(ownerOfId(named.id));
  if (named.uri === `${GROUP_URI}AllUsers`) return EVERYONE;
  if (named.uri === `${GROUP_URI}AuthenticatedUsers`) return AUTHENTICATED;
  if (named.uri !== undefined) {
    throw new S3Error('InvalidArgument', 'Invalid group uri', { fields: { ArgumentValue: named.uri } });
  }
  throw new S3Error('UnresolvableGrantByEmailAddress');
}

/**
 * The list that a request asks for by headers or by its document. Throws MissingSecurityHeader when it asks for none, MalformedACLError,
 * MalformedXML, InvalidArgument, UnexpectedContent when it does both.
 */
export function requestedAcl(headers: Headers, document: Buffer): AclRequest {
  const byHeaders = aclOfHeaders(headers);
  if (byHeaders !== undefined) {
    if (document.length > 0) throw new S3Error('UnexpectedContent');
    return byHeaders;
  }
  if (document.length === 0) {
    throw new S3Error('MissingSecurityHeader', 'The request names no access control list.');
  }
  const root = readXml(document, 'AccessControlPolicy', MAX_ACL_DOCUMENT_BYTES);
  const list = xmlChild(root, 'AccessControlList');
  if (list === undefined) throw new S3Error('MalformedACLError');
  const said = xmlChild(root, 'Owner');
  const saidId = said === undefined ? undefined : xmlText(said, 'ID')?.trim();
  const grants = xmlChildren(list, 'Grant').map(parseGrant);
  if (grants.length > MAX_GRANTS) throw new S3Error('MalformedACLError', `A list has at most ${MAX_GRANTS} grants.`);
  return {
    isPrivate: false,
    isPlain: false,
    grants: (owner) => {
      // AWS: a list does not change whose something is
      if (saidId !== undefined && saidId !== canonicalId(owner)) throw new S3Error('AccessDenied');
      return grants;
    },
  };
}

function parseGrant(grant: XmlElement): AclGrant {
  const permission = PERMISSIONS.find((candidate) => candidate === xmlText(grant, 'Permission')?.trim());
  const grantee = xmlChild(grant, 'Grantee');
  if (permission === undefined || grantee === undefined) throw new S3Error('MalformedACLError');
  const id = xmlText(grantee, 'ID')?.trim();
  const uri = xmlText(grantee, 'URI')?.trim();
  const emailaddress = xmlText(grantee, 'EmailAddress')?.trim();
  if (id === undefined && uri === undefined && emailaddress === undefined) throw new S3Error('MalformedACLError');
  return {
    grantee: granteeOf({
      ...(id === undefined ? {} : { id }),
      ...(uri === undefined ? {} : { uri }),
      ...(emailaddress === undefined ? {} : { emailaddress }),
    }),
    permission,
  };
}

/** The document that shows a list; groups first, as S3 has it for canned ones. */
export function aclDocument(owner: Owner, grants: readonly AclGrant[]): string {
  const groups = grants.filter(({ grantee }) => grantee.startsWith('group:'));
  const users = grants.filter(({ grantee }) => !grantee.startsWith('group:'));
  return xmlDocument(
    'AccessControlPolicy',
    ownerElement('Owner', owner),
    element('AccessControlList', [...groups, ...users].map(grantElement)),
  );
}

function grantElement({ grantee, permission }: AclGrant): XmlNode {
  const [kind, name = ''] = [grantee.slice(0, grantee.indexOf(':')), grantee.slice(grantee.indexOf(':') + 1)];
  const isGroup = kind === 'group';
  const attributes = { 'xmlns:xsi': SCHEMA_INSTANCE, 'xsi:type': isGroup ? 'Group' : 'CanonicalUser' };
  const content = isGroup ? [element('URI', `${GROUP_URI}${name}`)] : ownerFields(name);
  return element('Grant', elementWith('Grantee', attributes, ...content), element('Permission', permission));
}

const StoredGrants = z.array(
  z.object({
    grantee: z
      .string()
      .refine((text): text is Grantee => text.startsWith('user:') || text === EVERYONE || text === AUTHENTICATED),
    permission: z.enum(PERMISSIONS),
  }),
);
const StoredAcl = z.object({ owner: z.string().optional(), grants: StoredGrants });

/** A list as it is kept; `owner` only with objects. */
export interface KeptAcl {
  readonly owner?: Owner | undefined;
  readonly grants: readonly AclGrant[];
}

/** Reads a kept list; undefined when there is none, or none that can be read. */
export function readKeptAcl(text: string | undefined): KeptAcl | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return StoredAcl.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function keptAcl(acl: KeptAcl): Buffer {
  return Buffer.from(JSON.stringify(acl));
}
