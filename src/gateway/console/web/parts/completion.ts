// Completes the word under the caret of a policy document, out of the words that the dialect knows.
import type { Vocabulary } from '../api/policy-desk.ts';

export interface Completion {
  /** Where the word stands in the text, without its quotes. */
  readonly start: number;
  readonly end: number;
  readonly words: readonly string[];
}

/** Words offered at a time. */
const MOST = 8;

const ELEMENTS = [
  'Version',
  'Statement',
  'Sid',
  'Effect',
  'Principal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
  'Allow',
  'Deny',
];

/** What may be meant by the string that the caret stands in; undefined when it stands in none, or the word is complete. */
export function completionAt(
  text: string,
  caret: number,
  { actions, keys, operators }: Vocabulary,
): Completion | undefined {
  const lineStart = text.lastIndexOf('\n', caret - 1) + 1;
  const before = text.slice(lineStart, caret);
  const quote = lastOpenQuote(before);
  if (quote === undefined) return undefined;
  const typed = before.slice(quote + 1);
  if (typed === '' || typed.startsWith('arn:')) return undefined;
  const wanted = typed.toLowerCase();
  const words = [...ELEMENTS, ...operators, ...actions, ...keys]
    .filter((word) => word.toLowerCase().startsWith(wanted))
    .slice(0, MOST);
  if (words.length === 0 || (words.length === 1 && words[0] === typed)) return undefined;
  return { start: lineStart + quote + 1, end: caret, words };
}

function lastOpenQuote(line: string): number | undefined {
  let open: number | undefined;
  for (let at = 0; at < line.length; at++) {
    if (line.charAt(at) === '\\') at += 1;
    else if (line.charAt(at) === '"') open = open === undefined ? at : undefined;
  }
  return open;
}
