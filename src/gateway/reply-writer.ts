// Sends an operation's answer: status, headers, and a body that comes as it is produced, at the speed the client takes it.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { LASTING_PIECE_BYTES } from '../juicefs/volume.ts';
import { S3Error } from './s3/errors.ts';
import type { S3Reply } from './s3/operation.ts';

/** What goes out with every answer. */
export interface ReplyFrame {
  readonly requestId: string;
  /** True for HEAD: headers as for the body, but no body. */
  readonly headOnly: boolean;
  /** Ask the client to close the connection. */
  readonly close: boolean;
  /** Longest wait for a client that takes nothing, milliseconds. */
  readonly stallMs: number;
}

/** A streamed body broke off after the headers were out: the connection is cut so that the client notices. */
export class BrokenReply extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'BrokenReply';
  }
}

/** The Server header of every answer. */
export const SERVER_NAME = 'Portcullis';

/**
 * Writes status, headers and body, but does not end the response: there may be a request body to take first. Answers the bytes of
 * the body. Throws what the body throws as long as nothing was sent, and BrokenReply afterwards.
 */
export async function writeReply(response: ServerResponse, reply: S3Reply, frame: ReplyFrame): Promise<number> {
  const { body } = reply;
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    response.writeHead(reply.status, headersOf(reply, frame, declaredLength(reply) ?? bytes.length));
    if (frame.headOnly || bytes.length === 0) return 0;
    response.write(bytes);
    return bytes.length;
  }
  if (reply.contentLength === undefined) throw new Error('a streamed answer needs its length');
  return writeStream(response, reply, body[Symbol.asyncIterator](), declaredLength(reply), frame);
}

/** Undefined for a body that goes on until its reader leaves. */
function declaredLength({ contentLength }: S3Reply): number | undefined {
  return contentLength === 'endless' ? undefined : contentLength;
}

async function writeStream(
  response: ServerResponse,
  reply: S3Reply,
  pieces: AsyncIterator<Uint8Array>,
  length: number | undefined,
  frame: ReplyFrame,
): Promise<number> {
  let sent = 0;
  let finished = false;
  try {
    // The first piece is awaited before the status goes out: what cannot be read at all is answered as an error.
    let piece = await pieces.next();
    response.writeHead(reply.status, headersOf(reply, frame, length));
    while (piece.done !== true) {
      sent += piece.value.byteLength;
      if (sent > (length ?? Number.POSITIVE_INFINITY))
        throw new Error(`the body is longer than the ${length} bytes announced`);
      if (response.destroyed) throw new BrokenReply('the client went away');
      await send(response, piece.value, frame.stallMs);
      piece = await pieces.next();
    }
    finished = true;
    if (length !== undefined && sent !== length)
      throw new Error(`the body has ${sent} bytes, ${length} were announced`);
    return sent;
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
    throw error instanceof BrokenReply ? error : new BrokenReply('the body of an answer broke off', error);
  } finally {
    if (!finished) await pieces.return?.();
  }
}

/** Sends a piece, and waits as long as it must not be written over, or too much waits to go out. */
function send(response: ServerResponse, piece: Uint8Array, stallMs: number): Promise<void> | undefined {
  if (piece.byteLength > LASTING_PIECE_BYTES) {
    return taken(response, stallMs, (done) => {
      // of an error the end of the connection tells
      response.write(piece, (error) => (error ? undefined : done()));
    });
  }
  return response.write(piece) ? undefined : taken(response, stallMs, (done) => response.once('drain', done));
}

/** Waits until the client has taken what it is sent, unless it goes away or takes nothing for too long. */
function taken(response: ServerResponse, stallMs: number, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(timer);
      response.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => end(new BrokenReply('the client went away'));
    const timer = setTimeout(() => end(new BrokenReply('the client took nothing for too long')), stallMs);
    response.on('close', onClose);
    begin(() => end());
    if (response.destroyed) onClose();
  });
}

function headersOf(reply: S3Reply, frame: ReplyFrame, length: number | undefined): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    server: SERVER_NAME,
    'x-amz-request-id': frame.requestId,
    'x-amz-id-2': frame.requestId,
    'accept-ranges': 'bytes',
  };
  for (const [name, value] of Object.entries(reply.headers ?? {}))
    headers[name.toLowerCase()] = headerValue(name, value);
  if (length !== undefined && reply.status !== 204 && reply.status !== 304) headers['content-length'] = length;
  if (frame.close) headers.connection = 'close';
  return headers;
}

/** Header values go out as UTF-8; Node wants one character a byte. */
function headerValue(name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these would end the header or confuse whoever reads it
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new S3Error('InvalidArgument', `The header ${name} of the answer would hold a control character.`);
  }
  return /^[\x20-\x7e\t]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1');
}
