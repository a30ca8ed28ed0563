// Lines as JSON Lines has them: ended by a line feed and nothing else. Characters that other readers take for line ends
// (U+2028, U+2029) may stand within a JSON string.

/** The lines of a stream of UTF-8 bytes, without their ends; a carriage return before a line feed belongs to the end. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of input) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield withoutReturn(line);
  }
  rest += decoder.decode();
  if (rest !== '') yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
