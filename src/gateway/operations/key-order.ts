// The order of keys: bytewise over their UTF-8, which for text with characters beyond U+FFFF is not JavaScript's own.
import { bytesOfText } from '../../juicefs/raw-text.ts';

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (isStray(a, i) || isStray(b, i)) return Buffer.compare(bytes(a), bytes(b));
    return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Whether a byte of its own stands here, in a name that is not UTF-8. */
function isStray(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc80 && unit <= 0xdcff && (text.charCodeAt(at - 1) & 0xfc00) !== 0xd800;
}

function bytes(text: string): Buffer {
  return bytesOfText(text) ?? Buffer.from(text);
}

/** UTF-16 units in the order of the code points they begin: surrogates come after U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
