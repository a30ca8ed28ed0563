// An answer that takes long: blanks go out until it is there, so that nobody between takes the connection for dead.
// AWS: CompleteMultipartUpload answers so. The status is out by then, so a failure is told in the body of a 200.
import { errorReply, shownError } from '../s3/error-reply.ts';
import type { ObjectEvent } from '../s3/object-event.ts';
import type { S3Reply, S3Request } from '../s3/operation.ts';
import { XML_PROLOG } from '../s3/xml.ts';
import { xmlReply } from './listing.ts';

/** How long an answer may take before the first blank, and the time between blanks, milliseconds. */
export const KEEP_ALIVE_MS = 10_000;

/** What a long work answers: an XML document with its prolog, and what it did. */
export interface LongAnswer {
  readonly document: string;
  readonly events: readonly ObjectEvent[];
}

/**
 * The answer of the work: as it is if it is there in time, else in a 200 that was begun before.
 */
export async function kept(
  work: Promise<LongAnswer>,
  request: Pick<S3Request, 'requestId' | 'rawPath' | 'bucket' | 'key'>,
  everyMs: number = KEEP_ALIVE_MS,
): Promise<S3Reply> {
  const inTime = await Promise.race([work, delay(everyMs)]);
  if (inTime !== undefined) return { ...xmlReply(inTime.document), events: inTime.events };
  let told: () => void = () => undefined;
  const seenTo = new Promise<void>((resolve) => {
    told = resolve;
  });
  const answer = work
    .then(
      ({ document }) => document,
      (error: unknown) => String(errorReply(shownError(error), request).body),
    )
    .then((document) => seenTo.then(() => document));
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: blanksUntil(answer, everyMs),
    contentLength: 'endless',
    later: {
      done: work.then(
        ({ events }) => events,
        () => [],
      ),
      told,
    },
  };
}

async function* blanksUntil(answer: Promise<string>, everyMs: number): AsyncGenerator<Uint8Array> {
  yield Buffer.from(XML_PROLOG);
  for (;;) {
    const document = await Promise.race([answer, delay(everyMs)]);
    if (document !== undefined) {
      yield Buffer.from(document.slice(XML_PROLOG.length));
      return;
    }
    yield Buffer.from(' ');
  }
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
