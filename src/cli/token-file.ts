// The files of --token-file and --callers: what callers of a sidecar show, and what it wants to see.
import { readFileSync } from 'node:fs';
import { type CallerSettings, MIN_TOKEN_LENGTH, parseCallers } from '../authz/grpc/callers.ts';
import { UsageError } from './root-credentials.ts';

/** Throws UsageError. */
export function readToken(path: string, flag = '--token-file'): string {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new UsageError(`${flag}: cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (token.length < MIN_TOKEN_LENGTH) {
    throw new UsageError(`${flag}: ${path} must hold a token of at least ${MIN_TOKEN_LENGTH} characters`);
  }
  return token;
}

/** Throws UsageError. */
export function readCallers(path: string): readonly CallerSettings[] {
  try {
    return parseCallers(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--callers: cannot use ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
