// What ends a line, and what does not.
import { expect, test } from 'vitest';
import { linesOf } from './json-lines.ts';

async function linesIn(...pieces: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  const input = (async function* () {
    yield* pieces;
  })();
  for await (const line of linesOf(input)) lines.push(line);
  return lines;
}

test('line feeds alone end lines, wherever the pieces of a stream end', async () => {
  const bytes = Buffer.from('{"a":"\u2028\u2029\u0085"}\r\n\n"é"\n"last"');
  const wanted = ['{"a":"\u2028\u2029\u0085"}', '', '"é"', '"last"'];
  expect(await linesIn(bytes)).toEqual(wanted);
  for (let cut = 1; cut < bytes.length; cut++) {
    expect(await linesIn(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(wanted);
  }
});
