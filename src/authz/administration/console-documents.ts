// What all sidecars of a store share of the console's sessions: the secret that they are sealed with, and which of them were ended. Every
// document of the service with these names is such a one.
import { createHash, randomBytes } from 'node:crypto';
import { ConsoleEndings } from '../identity/console-endings.ts';
import { CONSOLE_SESSION_MS, type ConsoleSession } from '../identity/console-session.ts';
import { type IamRecords, isUnreadable, type ServerDocument, type Unreadable } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import type { Command } from './command.ts';

const SECRET_DOCUMENT = 'console-secret';
const ENDINGS_PREFIX = 'console-ended/';
const SECRET_BYTES = 32;
/** Endings of one bearer that are kept one by one. */
export const MAX_ENDINGS = 64;
/** Documents of others that are removed along with a change, because nothing in them matters any more. */
const MAX_REMOVED_AT_ONCE = 64;

/** Whether a document of the service belongs to sessions of this store, which no other store has. */
export function isConsoleDocument(name: string): boolean {
  return name === SECRET_DOCUMENT || name.startsWith(ENDINGS_PREFIX);
}

/** A secret that nobody else has. */
export function newConsoleSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** The secret of the store; undefined when none was made yet, or it cannot be read. */
export function consoleSecret({ server }: IamRecords): string | undefined {
  const document = server.get(SECRET_DOCUMENT);
  return document === undefined || isUnreadable(document) ? undefined : document.text;
}

/** Makes the secret, unless somebody was faster. */
export function makeConsoleSecret(nowMs: number): Command {
  return {
    touched: { server: [SECRET_DOCUMENT] },
    decide: ({ server }) =>
      server.has(SECRET_DOCUMENT)
        ? {}
        : { server: new Map([[SECRET_DOCUMENT, { text: newConsoleSecret(), modifiedMs: nowMs }]]) },
  };
}

/** Whether a session was ended. What cannot be read has ended them all. */
export function hasEnded({ server }: IamRecords, session: ConsoleSession): boolean {
  const document = server.get(endingsDocument(session.accessKey));
  if (document === undefined) return false;
  return endingsOf(document)?.has(session) ?? true;
}

/** Ends a session for all sidecars of the store. */
export function endConsoleSession({ server: known }: IamRecords, session: ConsoleSession, nowMs: number): Command {
  const name = endingsDocument(session.accessKey);
  const others = [...known]
    .filter(([other, document]) => other !== name && other.startsWith(ENDINGS_PREFIX) && isOver(document, nowMs))
    .slice(0, MAX_REMOVED_AT_ONCE)
    .map(([other]) => other);
  return {
    touched: { server: [name, ...others] },
    decide({ server }) {
      const document = server.get(name);
      const before = document === undefined ? ConsoleEndings.NONE : endingsOf(document);
      if (before === undefined) throw new AdminRefusal('InternalError', 'What was signed out of cannot be read.');
      const text = before.with(session, MAX_ENDINGS, nowMs).format();
      const changed = new Map<string, ServerDocument | undefined>([[name, { text, modifiedMs: nowMs }]]);
      for (const other of others) {
        const theirs = server.get(other);
        if (theirs !== undefined && isOver(theirs, nowMs)) changed.set(other, undefined);
      }
      return { server: changed };
    },
  };
}

/** No name of a document may hold what an access key may. */
function endingsDocument(accessKey: string): string {
  return `${ENDINGS_PREFIX}${createHash('sha256').update(accessKey).digest('hex').slice(0, 40)}`;
}

function isOver(document: ServerDocument | Unreadable, nowMs: number): boolean {
  return !isUnreadable(document) && document.modifiedMs + CONSOLE_SESSION_MS < nowMs;
}

const read = new WeakMap<ServerDocument, ConsoleEndings | undefined>();

function endingsOf(document: ServerDocument | Unreadable): ConsoleEndings | undefined {
  if (isUnreadable(document)) return undefined;
  if (!read.has(document)) read.set(document, ConsoleEndings.parse(document.text));
  return read.get(document);
}
