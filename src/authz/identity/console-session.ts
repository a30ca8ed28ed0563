// The session of somebody who signed in at the console: a text that stands for a credential, and that the browser keeps. Whether the
// credential may still be used, and for what, is looked up with every request.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Credential } from './credential.ts';

/** How long a session lasts, and how long it may stay unused, milliseconds. */
export const CONSOLE_SESSION_MS = 12 * 60 * 60 * 1000;
export const CONSOLE_IDLE_MS = 2 * 60 * 60 * 1000;

const Session = z.strictObject({
  /** Random; the same in all texts of this session. */
  id: z.string().min(1),
  accessKey: z.string().min(1),
  proof: z.string().min(1),
  openedAtMs: z.number(),
  /** When it was used, as far as the text knows. */
  usedAtMs: z.number(),
  isOwner: z.boolean(),
});

/** What a token stands for. */
export interface ConsoleSession {
  readonly id: string;
  readonly accessKey: string;
  /** Of the secret that was shown: whoever changes it ends all sessions that were opened with the old (credentialProof). */
  readonly proof: string;
  readonly openedAtMs: number;
  readonly usedAtMs: number;
  /** The credentials were made for this session, and end with it. */
  readonly isOwner: boolean;
}

/** Finds what a bearer token stands for. */
export interface BearerSource {
  /** Undefined for tokens that are unknown or over. */
  find(token: string, nowMs: number): ConsoleSession | undefined;
}

/** When the session ends, even if it is used. */
export function sessionEndMs({ openedAtMs }: ConsoleSession): number {
  return openedAtMs + CONSOLE_SESSION_MS;
}

/** A digest of what a credential proves itself with, to notice that it is another one now. */
export function credentialProof(credential: Credential): string {
  const token = credential.type === 'Session' ? credential.sessionToken : '';
  return createHash('sha256')
    .update(JSON.stringify(['console', credential.secretKey, token]))
    .digest('base64url');
}

export function formatSession({ id, accessKey, proof, openedAtMs, usedAtMs, isOwner }: ConsoleSession): string {
  return JSON.stringify({ id, accessKey, proof, openedAtMs, usedAtMs, isOwner });
}

/** Undefined for what is no session. */
export function parseSession(text: string): ConsoleSession | undefined {
  try {
    return Session.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
