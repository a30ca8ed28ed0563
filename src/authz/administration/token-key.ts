// The key that the tokens of service accounts and sessions are signed with: a random one of the store, or the root secret where other
// gateways must be able to read the tokens.
import { randomBytes } from 'node:crypto';
import { isUnreadable } from '../store/iam-store.ts';
import type { OpenedStore } from '../store/open-store.ts';

/** Document of the store that holds the key. */
export const TOKEN_KEY_DOCUMENT = 'token-key';
const KEY_BYTES = 48;

/** The key of a store; made when it is first asked for, by whichever sidecar is first. `writes`: this one may. */
export async function tokenKeyOf(
  { store, records, sharesTokens }: OpenedStore,
  rootSecretKey: string,
  writes: boolean,
): Promise<string> {
  if (sharesTokens || records === undefined) return rootSecretKey;
  const known = (await store.load()).server.get(TOKEN_KEY_DOCUMENT);
  if (known !== undefined) return textOf(known);
  // Nobody has a token that could be read with it.
  if (!writes) return randomBytes(KEY_BYTES).toString('base64url');
  return records.exclusively(async (stored) => {
    const found = await stored.read('server', TOKEN_KEY_DOCUMENT);
    if (found !== undefined) return textOf(found);
    const text = randomBytes(KEY_BYTES).toString('base64url');
    await stored.write({ server: new Map([[TOKEN_KEY_DOCUMENT, { text, modifiedMs: Date.now() }]]) });
    return text;
  });
}

function textOf(document: { readonly text: string } | { readonly unreadable: string }): string {
  if (isUnreadable(document)) throw new Error(`the key of tokens cannot be read: ${document.unreadable}`);
  return document.text;
}
