// Finds the line of a JSON path such as `$.Statement[0].Action[1]` in a text that may not be quite right yet.

/** Line of the place, from 1; of the nearest place above it that can be found. */
export function lineOfPath(text: string, path: string): number {
  const steps = [...path.matchAll(/\.([^.[\]]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/g)].map((match) =>
    match[2] === undefined ? (match[1] ?? match[3] ?? '') : Number(match[2]),
  );
  let position = skipBlanks(text, 0);
  for (const step of steps) {
    const next = typeof step === 'number' ? elementAt(text, position, step) : memberAt(text, position, step);
    if (next === undefined) break;
    position = next;
  }
  return text.slice(0, position).split('\n').length;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text.charAt(at))) at += 1;
  return at;
}

/** Where a member's value begins. */
function memberAt(text: string, object: number, name: string): number | undefined {
  if (text.charAt(object) !== '{') return undefined;
  let at = skipBlanks(text, object + 1);
  while (at < text.length && text.charAt(at) === '"') {
    const end = endOfString(text, at);
    const key = text.slice(at + 1, end - 1);
    at = skipBlanks(text, end);
    if (text.charAt(at) !== ':') return undefined;
    at = skipBlanks(text, at + 1);
    if (key.toLowerCase() === name.toLowerCase()) return at;
    at = skipBlanks(text, endOfValue(text, at));
    if (text.charAt(at) !== ',') return undefined;
    at = skipBlanks(text, at + 1);
  }
  return undefined;
}

function elementAt(text: string, list: number, index: number): number | undefined {
  if (text.charAt(list) !== '[') return index === 0 ? list : undefined;
  let at = skipBlanks(text, list + 1);
  for (let each = 0; at < text.length; each++) {
    if (each === index) return at;
    at = skipBlanks(text, endOfValue(text, at));
    if (text.charAt(at) !== ',') return undefined;
    at = skipBlanks(text, at + 1);
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === '"') {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    if (depth === 0 && character === ',') return at;
    at += 1;
  }
  return at;
}
