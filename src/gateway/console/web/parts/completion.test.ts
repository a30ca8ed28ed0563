// Words are offered where a string is being written, and nowhere else.
import { expect, test } from 'vitest';
import { completionAt } from './completion.ts';

const VOCABULARY = {
  actions: ['s3:GetObject', 's3:GetObjectTagging', 's3:PutObject'],
  keys: ['aws:SourceIp', 's3:prefix'],
  operators: ['StringEquals', 'StringLike'],
};

function wordsAt(marked: string): readonly string[] | undefined {
  const caret = marked.indexOf('|');
  return completionAt(marked.replace('|', ''), caret, VOCABULARY)?.words;
}

test.each([
  ['{ "Action": "s3:get|" }', ['s3:GetObject', 's3:GetObjectTagging']],
  ['{ "Action": "s3:Put|', ['s3:PutObject']],
  ['{ "Condition": { "stringl|', ['StringLike']],
  ['{ "Eff|', ['Effect']],
  ['{ "Action": "s3:PutObject|" }', undefined],
  ['{ "Action": "|" }', undefined],
  ['{ "Resource": "arn:aws|" }', undefined],
  ['{ |', undefined],
  ['{ "Sid": "a\\"s3:P|', undefined],
])('%s', (marked, words) => {
  expect(wordsAt(marked)).toEqual(words);
});
