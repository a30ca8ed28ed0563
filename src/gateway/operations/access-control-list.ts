// Access control lists, as far as they are true: everything is its owner's alone. Sharing is the policies' business.
import { S3Error } from '../s3/errors.ts';
import { element, elementWith, readXml, xmlChild, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { ownerElement, ownerFields } from './owner.ts';
import { refuseAcl } from './upload-headers.ts';

/** Most bytes of an AccessControlPolicy. */
export const MAX_ACL_DOCUMENT_BYTES = 64 * 1024;

const SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance';

/** The one list that is true. */
export function ownerOnlyDocument(): string {
  const grantee = elementWith(
    'Grantee',
    { 'xmlns:xsi': SCHEMA_INSTANCE, 'xsi:type': 'CanonicalUser' },
    ...ownerFields(),
  );
  return xmlDocument(
    'AccessControlPolicy',
    ownerElement('Owner'),
    element('AccessControlList', element('Grant', grantee, element('Permission', 'FULL_CONTROL'))),
  );
}

/** Throws NotImplemented for an ACL that grants more than the owner's full control. */
export function requireOwnerOnly(headers: ReadonlyMap<string, string>, document: Buffer): void {
  refuseAcl(headers);
  if (document.length === 0) {
    if (headers.has('x-amz-acl')) return;
    throw new S3Error('MissingRequestBodyError');
  }
  const list = xmlChild(readXml(document, 'AccessControlPolicy', MAX_ACL_DOCUMENT_BYTES), 'AccessControlList');
  if (list === undefined) throw new S3Error('MalformedXML');
  const grants = xmlChildren(list, 'Grant');
  if (grants.length !== 1 || grants.some((grant) => xmlText(grant, 'Permission')?.trim() !== 'FULL_CONTROL')) {
    throw new S3Error('NotImplemented', 'Only the owner can be granted something by an ACL. Use policies to share.');
  }
  const grantee = grants.map((grant) => xmlChild(grant, 'Grantee'))[0];
  if (grantee !== undefined && xmlChild(grantee, 'URI') !== undefined) {
    throw new S3Error('NotImplemented', 'Only the owner can be granted something by an ACL. Use policies to share.');
  }
}
