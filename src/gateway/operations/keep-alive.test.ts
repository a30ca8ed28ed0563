import { describe, expect, it } from 'vitest';
import { S3Error } from '../s3/errors.ts';
import type { S3Reply } from '../s3/operation.ts';
import { XML_PROLOG } from '../s3/xml.ts';
import { kept, type LongAnswer } from './keep-alive.ts';

const REQUEST = { requestId: 'ID', rawPath: '/b/k', bucket: undefined, key: undefined };

/**
 * The body's text; `seen` is told of each piece, so that the work may end when a blank went out. Who is to be notified is, as soon as it
 * is known of what.
 */
async function textOf({ body, later }: S3Reply, seen: (piece: string) => void = () => undefined): Promise<string> {
  void later?.done.then(later.told);
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return String(body ?? '');
  let text = '';
  for await (const piece of body) {
    text += Buffer.from(piece).toString();
    seen(Buffer.from(piece).toString());
  }
  return text;
}

interface Ends {
  readonly resolve: (answer: LongAnswer) => void;
  readonly reject: (reason: Error) => void;
}

/** The document of a work that ends, in this way, when the first blank went out. */
async function afterBlank(end: (work: Ends) => void): Promise<string> {
  const ends: Ends[] = [];
  const work = new Promise<LongAnswer>((resolve, reject) => {
    ends.push({ resolve, reject });
  });
  return textOf(await kept(work, REQUEST, 10), (piece) => {
    if (piece === ' ') for (const each of ends.splice(0)) end(each);
  });
}

describe('an answer that is kept alive', () => {
  it('is the plain answer, or the plain error, when it is there in time', async () => {
    const reply = await kept(Promise.resolve({ document: `${XML_PROLOG}<Done/>`, events: [] }), REQUEST, 10_000);
    expect(reply.body).toBe(`${XML_PROLOG}<Done/>`);
    await expect(kept(Promise.reject(new S3Error('InvalidPart')), REQUEST, 10_000)).rejects.toThrow(S3Error);
  });

  it('is one document, begun with blanks, when it takes long', async () => {
    const text = await afterBlank(({ resolve }) => resolve({ document: `${XML_PROLOG}<Done/>`, events: [] }));
    expect(text).toMatch(/^<\?xml[^>]*>\n +<Done\/>$/);
  });

  it('ends once its events are seen to, and not before', async () => {
    const event = { name: 's3:ObjectCreated:CompleteMultipartUpload', bucket: 'b', key: 'k' } as const;
    let end: (answer: LongAnswer) => void = () => undefined;
    const work = new Promise<LongAnswer>((resolve) => {
      end = resolve;
    });
    const reply = await kept(work, REQUEST, 10);
    const order: string[] = [];
    const { later, ...withoutLater } = reply;
    let blanksAfter = 0;
    const ended = textOf(withoutLater, (piece) => {
      if (piece !== ' ') return;
      end({ document: `${XML_PROLOG}<Done/>`, events: [event] });
      // blanks go on although the work is done
      if (++blanksAfter < 4) return;
      order.push('told');
      later?.told();
    }).then(() => order.push('ended'));
    expect(await later?.done).toEqual([event]);
    await ended;
    expect([order[0], order.at(-1)]).toEqual(['told', 'ended']);
  });

  it('tells of a failure in the document', async () => {
    const text = await afterBlank(({ reject }) => reject(new S3Error('InvalidPart')));
    expect(text).toMatch(/^<\?xml[^>]*>\n +<Error><Code>InvalidPart<\/Code>/);
  });
});
