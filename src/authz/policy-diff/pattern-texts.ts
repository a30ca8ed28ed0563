// Texts that a pattern matches: some of its own, and some that a second pattern matches as well. Only candidates for a search: whether
// they match in a dialect is asked of the engine.

/** No document names it: what stands for it lies outside of all literal names. */
export const FRESH = 'zq7';

/** What a `*` is filled with, in turn. */
const FILLINGS = ['', FRESH, `${FRESH}/${FRESH}`, 'a'];

/** Replaces `${key}` and `${key, 'default'}` by what the request would have. */
export function withVariables(pattern: string, variableValue: (key: string) => string | undefined): string {
  return pattern.replace(/\$\{\s*([^},]+?)\s*(?:,[^}]*)?\}/g, (whole, key: string) => {
    if (key === '*' || key === '?' || key === '$') return key;
    return variableValue(key) ?? whole;
  });
}

/** Some texts that the pattern matches. */
export function matchingTexts(pattern: string): string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  return [...new Set(FILLINGS.map((filling) => pattern.replaceAll('?', 'x').replaceAll('*', filling)))];
}

/** Patterns longer than this are not laid over each other. */
const MAX_LENGTH = 300;

/**
 * Texts that both patterns match: a shortest one, and one with something fresh wherever both leave it open. Empty when there is none.
 */
export function commonTexts(a: string, b: string): string[] {
  if (a.length > MAX_LENGTH || b.length > MAX_LENGTH) return [];
  const found = [common(a, b, ''), common(a, b, FRESH)].filter((text) => text !== undefined);
  return [...new Set(found)];
}

interface Step {
  readonly i: number;
  readonly j: number;
  readonly emitted: string;
  readonly before: Step | undefined;
}

/** Breadth first over the positions of both: what is found first is shortest. */
function common(a: string, b: string, open: string): string | undefined {
  const width = b.length + 1;
  const seen = new Uint8Array((a.length + 1) * width);
  let front: Step[] = [{ i: 0, j: 0, emitted: '', before: undefined }];
  while (front.length > 0) {
    const next: Step[] = [];
    for (const step of front) {
      const { i, j } = step;
      if (seen[i * width + j] === 1) continue;
      seen[i * width + j] = 1;
      if (i === a.length && j === b.length) return textOf(step);
      const x = a[i];
      const y = b[j];
      const go = (di: number, dj: number, emitted: string): void => {
        next.push({ i: i + di, j: j + dj, emitted, before: step });
      };
      if (x === '*' && y === '*') {
        go(1, 1, open);
        go(1, 0, '');
        go(0, 1, '');
        continue;
      }
      if (x === '*') go(1, 0, '');
      if (y === '*') go(0, 1, '');
      if (x === undefined || y === undefined) continue;
      const isWildX = x === '*' || x === '?';
      const isWildY = y === '*' || y === '?';
      if (!isWildX && !isWildY && x !== y) continue;
      go(x === '*' ? 0 : 1, y === '*' ? 0 : 1, isWildX ? (isWildY ? 'x' : y) : x);
    }
    front = next;
  }
  return undefined;
}

function textOf(last: Step): string {
  let text = '';
  for (let step: Step | undefined = last; step !== undefined; step = step.before) text = step.emitted + text;
  return text;
}
