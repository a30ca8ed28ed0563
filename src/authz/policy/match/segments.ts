// Texts of sections between colons (ARNs, actions), where a wildcard stays within its section.
import { matchesWildcard } from './wildcard.ts';

/** Section by section; both must have equally many. `action` disregards case, `arn` does not. */
export function matchesSegments(pattern: string, text: string, mode: 'action' | 'arn'): boolean {
  const [wanted, given] =
    mode === 'action'
      ? [pattern.toLowerCase().split(':'), text.toLowerCase().split(':')]
      : [pattern.split(':'), text.split(':')];
  return (
    wanted.length === given.length &&
    wanted.every((section, i) => matchesWildcard(section, given[i] as string, 'codePoint'))
  );
}
