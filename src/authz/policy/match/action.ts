// Actions of a request against the entries of a statement.
import { matchesWildcard } from './wildcard.ts';

/**
 * True when an entry names the action. The very entry `s3:GetObjectVersion` also names `s3:GetObject` where `implies` is set: whoever
 * may read any version may read the latest.
 */
export function matchesAction(entries: readonly string[], action: string, implies: boolean): boolean {
  return entries.some(
    (entry) =>
      matchesWildcard(entry, action, 'codePoint') ||
      (implies && entry === 's3:GetObjectVersion' && action === 's3:GetObject'),
  );
}
