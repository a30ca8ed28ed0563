// Reads what an identity provider answers: no more of it than is ever right.

const MAX_ANSWER_BYTES = 256 * 1024;

/** The text of an answer, within a limit. */
export async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
