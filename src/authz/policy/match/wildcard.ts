// S3's wildcards: '*' is any run of characters, '?' exactly one. No escapes, no classes, no regular expressions.

/** What '?' stands for: a byte of UTF-8, or a code point. */
export type QuestionMark = 'byte' | 'codePoint';

const STAR = 42;
const QUESTION = 63;

/**
 * True when the whole text matches. `literal` holds positions of the pattern whose '*' and '?' mean themselves (substituted
 * text). The last '*' alone is retried, so the time is at most pattern × text and no input makes it explode.
 */
export function matchesWildcard(
  pattern: string,
  text: string,
  questionMark: QuestionMark,
  literal?: ReadonlySet<number>,
): boolean {
  if (pattern === '*' && literal === undefined) return true;
  if (hasActiveQuestionMark(pattern, literal)) {
    if (questionMark === 'byte' && !isAscii(text)) {
      const wide = widen(pattern, literal);
      return match(wide.pattern, utf8Units(text), wide.literal);
    }
    if (questionMark === 'codePoint' && hasSurrogates(text)) return matchCodePoints(pattern, text, literal);
  }
  return match(pattern, text, literal);
}

function match(pattern: string, text: string, literal: ReadonlySet<number> | undefined): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    const code = p < pattern.length ? pattern.charCodeAt(p) : -1;
    const active = literal === undefined || !literal.has(p);
    if (code === STAR && active) {
      star = p++;
      mark = t;
    } else if (code !== -1 && ((code === QUESTION && active) || code === text.charCodeAt(t))) {
      p++;
      t++;
    } else if (star !== -1) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR && (literal === undefined || !literal.has(p))) p++;
  return p === pattern.length;
}

function matchCodePoints(pattern: string, text: string, literal: ReadonlySet<number> | undefined): boolean {
  // Each code point becomes one private unit, the same for pattern and text.
  const units = new Map<string, string>();
  const unit = (point: string): string => {
    if (point.length === 1 && point < '\ud800') return point;
    const known = units.get(point);
    if (known !== undefined) return known;
    const made = String.fromCharCode(0xd800 + units.size);
    units.set(point, made);
    return made;
  };
  let out = '';
  let position = 0;
  const literals = new Set<number>();
  for (const point of pattern) {
    if (literal?.has(position)) literals.add(out.length);
    out += unit(point);
    position += point.length;
  }
  return match(out, [...text].map(unit).join(''), literals);
}

function hasActiveQuestionMark(pattern: string, literal: ReadonlySet<number> | undefined): boolean {
  for (let at = pattern.indexOf('?'); at !== -1; at = pattern.indexOf('?', at + 1)) {
    if (literal === undefined || !literal.has(at)) return true;
  }
  return false;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function hasSurrogates(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0xd800) return true;
  return false;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, one code unit each. */
function utf8Units(text: string): string {
  return String.fromCharCode(...encoder.encode(text));
}

function widen(pattern: string, literal: ReadonlySet<number> | undefined): { pattern: string; literal: Set<number> } {
  let out = '';
  let position = 0;
  const literals = new Set<number>();
  for (const point of pattern) {
    if (literal?.has(position)) literals.add(out.length);
    out += utf8Units(point);
    position += point.length;
  }
  return { pattern: out, literal: literals };
}
