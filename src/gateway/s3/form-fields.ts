// The fields of a form upload as what they stand for: credentials, and what the client says of the file.
// AWS: "POST Object", "Browser-Based Uploads Using POST".
import type { Credentials } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { declaredChecksum, decodeBase64 } from './checksum.ts';
import type { Presented } from './credentials.ts';
import { S3Error } from './errors.ts';
import type { PayloadPlan } from './payload.ts';

type Fields = ReadonlyMap<string, string>;

/** What in the key stands for the name of the file. */
const FILE_NAME_VARIABLE = '${filename}';
/** Fields that sign a form; without a policy there is nothing that they could have signed. */
const SIGNING_FIELDS = ['signature', 'awsaccesskeyid', 'x-amz-signature', 'x-amz-credential'];

/** The key that a form names: the conditions of its policy, the decision and the volume see this one. Throws InvalidArgument. */
export function formKey(fields: Fields, fileName: string): string {
  const key = fields.get('key');
  if (key === undefined) {
    throw new S3Error('InvalidArgument', 'Bucket POST must contain a field named key.', {
      fields: { ArgumentName: 'key', ArgumentValue: '' },
    });
  }
  return key.replaceAll(FILE_NAME_VARIABLE, () => fileName);
}

/** The credentials of a form: its signed policy, or none. Throws InvalidRequest when the request presents others as well. */
export function formCredentials(presented: Presented, fields: Fields, fileName: string): Credentials {
  const policy = fields.get('policy');
  if (policy === undefined) {
    if (SIGNING_FIELDS.some((name) => fields.has(name))) {
      throw new S3Error('InvalidArgument', 'Bucket POST must contain a field named policy.', {
        fields: { ArgumentName: 'policy', ArgumentValue: '' },
      });
    }
    return presented.credentials;
  }
  if (!presented.anonymous) {
    throw new S3Error(
      'InvalidRequest',
      'Only one kind of credentials may be presented: a header, a signed URL or a form.',
    );
  }
  const checked = { ...Object.fromEntries(fields), key: formKey(fields, fileName) };
  return { presented: { $case: 'postPolicy', value: { policy, fields: checked } } };
}

/** What the fields say of the file's bytes. Throws InvalidDigest, InvalidRequest. */
export function planForm(fields: Fields): PayloadPlan {
  const contentMd5 = fields.get('content-md5');
  const md5 = contentMd5 === undefined ? undefined : decodeBase64(contentMd5);
  if (contentMd5 !== undefined && md5?.length !== 16) throw new S3Error('InvalidDigest');
  return {
    form: { kind: 'plain', sha256: undefined },
    length: undefined,
    md5,
    checksum: declaredChecksum(fields, false),
  };
}
