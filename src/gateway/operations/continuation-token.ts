// The continuation token of ListObjectsV2: where the next page begins, in an opaque form that needs no memory of ours, so it
// outlives restarts and is good at any worker.
import { bytesOfText, textOfBytes } from '../../juicefs/raw-text.ts';
import { invalidParameter } from './listing.ts';

const VERSION = '1:';

/** The token of a page that begins after this key or common prefix. */
export function continuationToken(last: string): string {
  return (bytesOfText(VERSION + last) ?? Buffer.from(VERSION + last)).toString('base64url');
}

/** Reads a token. Throws InvalidArgument for anything that is none of ours. */
export function parseContinuationToken(token: string): string {
  const text = textOfBytes(Buffer.from(token, 'base64url'));
  if (!text.startsWith(VERSION) || continuationToken(text.slice(VERSION.length)) !== token) {
    throw invalidParameter('continuation-token', token, 'The continuation token is not one that a listing gave.');
  }
  return text.slice(VERSION.length);
}
