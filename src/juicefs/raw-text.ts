// Names are bytes, and nearly always UTF-8. Where one is not (a mount may make any), a byte that begins no UTF-8 character
// stands in text as the lone surrogate U+DC00 + byte, which no UTF-8 decodes to: text and bytes say the same, both ways.

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ESCAPE = 0xdc00;

/** The text of stored bytes; well-formed exactly when they are UTF-8. */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return STRICT.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
  }
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) text += String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
    else text += STRICT.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

/** The bytes that a text stands for; undefined for a text that no bytes have (another lone surrogate, a character in pieces). */
export function bytesOfText(text: string): Buffer | undefined {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escaped = code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
    parts.push(escaped ? Buffer.of(code - ESCAPE) : Buffer.from(character, 'utf8'));
  }
  const bytes = Buffer.concat(parts);
  return textOfBytes(bytes) === text ? bytes : undefined;
}

/** Bytes of the UTF-8 character that begins here; 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length <= 1) return length;
  try {
    return at + length <= bytes.length && STRICT.decode(bytes.subarray(at, at + length)) !== '' ? length : 0;
  } catch (cause) {
    if (cause instanceof TypeError) return 0;
    throw cause;
  }
}
