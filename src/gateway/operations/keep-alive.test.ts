import { describe, expect, it } from 'vitest';
import { S3Error } from '../s3/errors.ts';
import type { S3Reply } from '../s3/operation.ts';
import { XML_PROLOG } from '../s3/xml.ts';
import { kept, type LongAnswer } from './keep-alive.ts';

const REQUEST = { requestId: 'ID', rawPath: '/b/k', bucket: undefined, key: undefined };

async function textOf({ body }: S3Reply): Promise<string> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return String(body ?? '');
  let text = '';
  for await (const piece of body) text += Buffer.from(piece).toString();
  return text;
}

function soon<T>(make: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(make());
      } catch (error) {
        reject(error);
      }
    }, 60);
  });
}

describe('an answer that is kept alive', () => {
  it('is the plain answer, or the plain error, when it is there in time', async () => {
    const reply = await kept(Promise.resolve({ document: `${XML_PROLOG}<Done/>`, events: [] }), REQUEST, 10_000);
    expect(reply.body).toBe(`${XML_PROLOG}<Done/>`);
    await expect(kept(Promise.reject(new S3Error('InvalidPart')), REQUEST, 10_000)).rejects.toThrow(S3Error);
  });

  it('is one document, begun with blanks, when it takes long', async () => {
    const text = await textOf(
      await kept(
        soon(() => ({ document: `${XML_PROLOG}<Done/>`, events: [] })),
        REQUEST,
        10,
      ),
    );
    expect(text).toMatch(/^<\?xml[^>]*>\n +<Done\/>$/);
  });

  it('tells of a failure in the document', async () => {
    const failing = soon<LongAnswer>(() => {
      throw new S3Error('InvalidPart');
    });
    expect(await textOf(await kept(failing, REQUEST, 10))).toMatch(/^<\?xml[^>]*>\n +<Error><Code>InvalidPart<\/Code>/);
  });
});
