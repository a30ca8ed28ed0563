// Reads the files that gateways without a KMS key once encrypted: sealed as bodies of the admin API are, under the root credentials.
// They are written again as plain text, as `juicefs gateway` writes them.
import { isUtf8 } from 'node:buffer';
import type { Unreadable } from './iam-store.ts';
import { openAdminBody } from './madmin-crypto.ts';
import { SealBroken } from './sealed-fragments.ts';

/** A decryptor for the files of a root user's gateways: the text of one, or why not. Each takes some 100 ms and 64 MiB, one at a time. */
export function rootDecryptor(root: {
  readonly accessKey: string;
  readonly secretKey: string;
}): (path: string, bytes: Uint8Array) => Promise<string | Unreadable> {
  const password = `${root.accessKey}:${root.secretKey}`;
  return async (_path, bytes) => {
    try {
      const opened = await openAdminBody(password, Buffer.from(bytes));
      return isUtf8(opened) ? opened.toString('utf8') : { unreadable: 'what it was encrypted from is not text' };
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      const how = 'with the MINIO_KMS_SECRET_KEY, or the root credentials, that it was written with';
      return { unreadable: `it is encrypted, and not with these root credentials; start the service ${how}` };
    }
  };
}
