// Who owns everything: the account of the gateway. JuiceFS: the same constant, so that listings stay equal.
import { element, type XmlNode } from '../s3/xml.ts';

const OWNER_ID = '02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4';
const OWNER_NAME = 'minio';

/** The owner as an element of that name (Owner, Initiator). */
export function ownerElement(name: string): XmlNode {
  return element(name, ...ownerFields());
}

/** ID and DisplayName. */
export function ownerFields(): XmlNode[] {
  return [element('ID', OWNER_ID), element('DisplayName', OWNER_NAME)];
}
