// The text of names and values in a dump: what is no printable Unicode, and what JSON would escape, stands as %XX. JuiceFS:
// pkg/meta/dump.go.

/** % " and backslash. */
const SPECIAL = new Set([0x25, 0x22, 0x5c]);

/** Bytes as a dump has them. */
export function escapeDump(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  // The usual name has nothing to escape.
  if (!bytes.some((byte) => byte <= 0x20 || SPECIAL.has(byte)) && !text.includes('\ufffd')) return text;
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const [byte = 0] = bytes.subarray(at, at + 1);
    if (length === 0) {
      escaped += hex(byte);
      at += 1;
      continue;
    }
    const character = Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    const special = byte <= 0x20 || character === '%' || character === '"' || character === '\\';
    // A replacement character that is really there is escaped byte by byte, as it stands for damage otherwise.
    if (character === '\ufffd') for (const one of bytes.subarray(at, at + length)) escaped += hex(one);
    else escaped += special ? hex(byte) : character;
    at += length;
  }
  return escaped;
}

/** The bytes of a dump's text. A '%' that begins no escape stands for itself. */
export function unescapeDump(text: string): Buffer {
  if (!text.includes('%')) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(/%([0-9A-F]{2})/g)) {
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'), Buffer.from(match[1] ?? '', 'hex'));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Bytes of the UTF-8 sequence at a place; 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length <= 1) return length;
  const text = Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
  return text.length > 0 && Buffer.byteLength(text) === length && (!text.includes('\ufffd') || isReplacement(bytes, at))
    ? length
    : 0;
}

function isReplacement(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}
