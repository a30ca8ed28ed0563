// Makes docs/s3-actions.md out of the table of accesses (npm run docs); a test compares the two.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AccessTarget, EVERY_REQUEST, S3_ACCESSES } from '../src/gateway/operations/access-table.ts';

const RESOURCES: Readonly<Record<AccessTarget, string>> = {
  service: '`arn:aws:s3:::`',
  bucket: '`arn:aws:s3:::BUCKET`',
  object: '`arn:aws:s3:::BUCKET/KEY`',
  source: '`arn:aws:s3:::BUCKET/KEY` of the source',
  eachKey: '`arn:aws:s3:::BUCKET/KEY`, each',
  eachBucket: '`arn:aws:s3:::BUCKET`, each',
};

/** The document. */
export function renderS3Actions(): string {
  const rows = S3_ACCESSES.flatMap(({ operation, accesses }) =>
    accesses.map(({ action, on, when = '', keys = [] }, i) => {
      const cells = [
        i === 0 ? operation : '',
        `\`${action}\``,
        RESOURCES[on],
        when === '' ? '' : `if ${when}`,
        keys.map((key) => `\`${key}\``).join(', '),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  );
  const notes = S3_ACCESSES.flatMap(({ operation, note }) => (note === undefined ? [] : [`- ${operation}: ${note}`]));
  return [
    '# What each S3 operation asks for',
    '',
    'Made by `npm run docs` out of `src/gateway/operations/access-table.ts`; do not edit.',
    '',
    'All accesses of a request must be allowed, but those on *each* key or bucket, which are answered one by one. An operation that is',
    'not here is decided by the action that S3 has for it, and then answered `NotImplemented`.',
    '',
    '| operation | action | resource | | condition keys of its own |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...notes,
    '',
    '## Condition keys of every request',
    '',
    'None of them comes from a header or parameter of its own name: a client cannot say who or where it is.',
    '',
    '| key | from |',
    '| --- | --- |',
    ...EVERY_REQUEST.map(([key, from]) => `| ${key} | ${from} |`),
    '',
    "An object's tags (`s3:ExistingObjectTag/KEY`) are read only if a policy that could apply names them; the request then acts on the very",
    'object that they were read from, or is decided again.',
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(resolve(import.meta.dirname, '../docs/s3-actions.md'), renderS3Actions());
}
