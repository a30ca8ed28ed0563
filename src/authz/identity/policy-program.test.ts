import { describe, expect, it } from 'vitest';
import { problemOfNewDocument } from './policy-program.ts';

const SETTINGS = { dialect: 'portcullis', bucketPolicies: 'everyone' } as const;

/** A valid document of about this many bytes. */
function documentOf(bytes: number): string {
  const Statement = [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::b/${'k'.repeat(bytes)}` }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

describe('a new document', () => {
  it.each([
    ['session', 3_000, undefined],
    ['session', 16_000, undefined],
    ['session', 17_000, 'larger than 16384 bytes'],
    ['identity', 19_000, undefined],
    ['identity', 21_000, 'larger than 20480 bytes'],
  ] as const)('of kind %s and %d bytes', (kind, bytes, problem) => {
    const found = problemOfNewDocument(documentOf(bytes), { kind, name: 'new' }, SETTINGS);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });
});
