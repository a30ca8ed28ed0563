// Which names and secrets a new identity may have. What is stored already is not judged again.
import { AdminRefusal } from './admin-refusal.ts';

/** MinIO: shortest access key; shortest and longest secret key. */
export const MIN_ACCESS_KEY_LENGTH = 3;
export const MIN_SECRET_KEY_LENGTH = 8;
export const MAX_SECRET_KEY_LENGTH = 40;
/** MinIO: longest access key of a service account. */
export const MAX_SERVICE_ACCESS_KEY_LENGTH = 20;
/** A name is a file name with `.json` behind it. */
export const MAX_NAME_BYTES = 250;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const UNFIT = /[\u0000-\u001f\u007f/\\]/;

/** Checks the access key of a new user. Throws AdminRefusal. */
export function checkUserName(name: string): void {
  if (name.length < MIN_ACCESS_KEY_LENGTH) {
    throw new AdminRefusal('InvalidAccessKey', `An access key has at least ${MIN_ACCESS_KEY_LENGTH} characters.`);
  }
  // They separate the parts of an Authorization header.
  if (!isFileName(name) || /[,=]/.test(name)) {
    throw new AdminRefusal(
      'InvalidAccessKey',
      `An access key has no slash, backslash, comma, equals sign or control character, no space at its ends, and at most ${MAX_NAME_BYTES} bytes.`,
    );
  }
  if (OF_OTHERS.test(name)) {
    throw new AdminRefusal('InvalidAccessKey', 'An access key does not begin with "openid:", "ldap:" or "tls:".');
  }
}

/** How those are named whom another system vouches for; a user of such a name would be taken for one of them. */
const OF_OTHERS = /^(openid|ldap|tls):/i;

/** Checks the access key of a new service account. Throws AdminRefusal. */
export function checkServiceAccessKey(accessKey: string): void {
  checkUserName(accessKey);
  if (accessKey.length > MAX_SERVICE_ACCESS_KEY_LENGTH) {
    throw new AdminRefusal(
      'InvalidAccessKey',
      `The access key of a service account has at most ${MAX_SERVICE_ACCESS_KEY_LENGTH} characters.`,
    );
  }
}

/** Checks a new secret. Throws AdminRefusal. */
export function checkSecretKey(secretKey: string): void {
  if (secretKey.length < MIN_SECRET_KEY_LENGTH || secretKey.length > MAX_SECRET_KEY_LENGTH) {
    throw new AdminRefusal(
      'InvalidSecretKey',
      `A secret key has ${MIN_SECRET_KEY_LENGTH} to ${MAX_SECRET_KEY_LENGTH} characters.`,
    );
  }
}

/** Checks the name of a new group. Throws AdminRefusal. */
export function checkGroupName(name: string): void {
  if (!isFileName(name)) throw new AdminRefusal('InvalidArgument', unfit('group'));
}

/** Checks the name of a new policy; attached policies are listed with commas. Throws AdminRefusal. */
export function checkPolicyName(name: string): void {
  if (!isFileName(name) || name.includes(',')) throw new AdminRefusal('InvalidArgument', unfit('policy'));
}

function isFileName(name: string): boolean {
  const bytes = Buffer.byteLength(name);
  return bytes > 0 && bytes <= MAX_NAME_BYTES && !UNFIT.test(name) && name.trim() === name && !/^\.{1,2}$/.test(name);
}

function unfit(what: string): string {
  return `The name of a ${what} has 1 to ${MAX_NAME_BYTES} bytes, without slashes, commas, control characters and space at its ends.`;
}
