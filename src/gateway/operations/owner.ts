// Who owns what: users go by their access keys; what root made, and what came into the volume by other ways, belongs to the
// account of the gateway. JuiceFS: the account's id is the same constant, so that listings stay equal.

import type { BucketName } from '../s3/object-name.ts';
import type { Grant } from '../s3/operation.ts';
import { element, type XmlNode } from '../s3/xml.ts';

const ACCOUNT_ID = '02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4';
const ACCOUNT_NAME = 'minio';

/** The name of a user's access key; '' = the account. */
export type Owner = string;

/** The canonical id of an owner. */
export function canonicalId(owner: Owner): string {
  return owner === '' ? ACCOUNT_ID : owner;
}

/** The owner of a canonical id. */
export function ownerOfId(id: string): Owner {
  return id === ACCOUNT_ID ? '' : id;
}

/** The owner as an element of that name (Owner, Initiator). */
export function ownerElement(name: string, owner: Owner): XmlNode {
  return element(name, ...ownerFields(owner));
}

/** ID and DisplayName. */
export function ownerFields(owner: Owner): XmlNode[] {
  return [element('ID', canonicalId(owner)), element('DisplayName', owner === '' ? ACCOUNT_NAME : owner)];
}

/** Who made the bucket; '' when root did, or nobody knows. */
export async function bucketOwner(
  { configuration }: Pick<Grant<unknown>, 'configuration'>,
  bucket: BucketName,
): Promise<Owner> {
  return (await configuration.read(bucket)).documents.owner ?? '';
}
