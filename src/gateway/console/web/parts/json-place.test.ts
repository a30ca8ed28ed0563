// The editor finds the line that an issue speaks of, also in a document that is still being written.
import { expect, test } from 'vitest';
import { lineOfPath } from './json-place.ts';

const DOCUMENT = `{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Sid": "a,\\"}]" },
    {
      "Effect": "Deny",
      "Action": [
        "s3:GetObject",
        "s3:GetObjects"
      ],
      "Condition": { "StringEquals": { "aws:username": ["x"] } }
    }
  ]
}`;

test.each([
  ['$', 1],
  ['$.Version', 2],
  ['$.Statement[1].Effect', 6],
  ['$.statement[1].Action[1]', 9],
  ['$.Statement[1].Condition.StringEquals["aws:username"]', 11],
  ['$.Statement[1].Missing', 5],
  ['$.Statement[7]', 3],
])('%s is in line %d', (path, line) => {
  expect(lineOfPath(DOCUMENT, path)).toBe(line);
});

test('copes with what is not finished', () => {
  expect(lineOfPath('{"Version": "2012', '$.Statement[0]')).toBe(1);
  expect(lineOfPath('', '$.a')).toBe(1);
});
