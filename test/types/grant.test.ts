// What the compiler must refuse. `npm run typecheck` fails when a line below that is expected to be an error is none.
import { describe, expect, it } from 'vitest';
import { S3Error, type S3ErrorCode } from '../../src/gateway/s3/errors.ts';
import type { BucketName, ObjectKey } from '../../src/gateway/s3/object-name.ts';
import { defineOperation, type Grant, type Operation, type Question } from '../../src/gateway/s3/operation.ts';

interface Input {
  readonly name: string;
}

const operation: Operation<Input> = defineOperation<Input>({
  name: 'Probe',
  match: { method: 'GET', target: 'object' },
  body: 'none',
  parse: () => ({ name: 'probe' }),
  questions: () => [{ action: 's3:GetObject' }],
  handle: async ({ input }) => ({ status: 200, body: input.name }),
});

/** Never called: its body is for the compiler. */
function refusedByTheCompiler(
  context: Parameters<typeof operation.handle>[1],
  input: Input,
  grant: Grant<Input>,
): void {
  // @ts-expect-error a bare input is not a Grant
  operation.handle(input, context);
  const { input: given, request, principal, allowed, decideEach, payload } = grant;
  // @ts-expect-error nor is an object of the same look
  operation.handle({ input: given, request, principal, allowed, decideEach, payload }, context);
  // @ts-expect-error a grant of one operation is none of another
  const other: Grant<Input> = {} as Grant<{ readonly id: number }>;
  // @ts-expect-error at least one question
  const none: ReturnType<typeof operation.questions> = [];
  // @ts-expect-error a text is not a bucket's name
  const bucket: BucketName = 'bucket';
  // @ts-expect-error a bucket's name is not a key
  const key: ObjectKey = 'bucket' as BucketName;
  // @ts-expect-error a question names parsed names only
  const question: Question = { action: 's3:GetObject', key: '../secret' };
  // @ts-expect-error an error that is in no row
  const code: S3ErrorCode = 'NoSuchThing';
  // @ts-expect-error nor can it be thrown
  throw new S3Error('NoSuchThing', [other, none, bucket, key, question, code].join());
}

describe('the types', () => {
  it('let a well-formed operation be', () => {
    expect(operation.name).toBe('Probe');
    expect(refusedByTheCompiler).toBeTypeOf('function');
  });
});
