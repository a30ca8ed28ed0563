// Every vector of the suite, against the policy engine in this process. An answer that differs from the expected one must be covered by a
// rule of departures.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES } from '../src/authz/policy/index.ts';
import { departureOf } from './departing-vector.ts';
import { runVectors } from './run.ts';
import { InProcessTarget } from './targets/in-process.ts';
import { isBadLine, readVectors, vectorFiles } from './vector.ts';

/** Lines of the recorded files; the others may grow. */
const RECORDED = 23_497;

const FOLDER = join(import.meta.dirname, 'vectors');
const result = await runVectors({
  folder: FOLDER,
  target: new InProcessTarget(),
  dialects: new Set(DIALECT_NAMES),
  departure: departureOf,
});

describe('the vectors', () => {
  it('are all read, and each is counted once', () => {
    const { lines, passed, departed, failed } = result;
    const count = (ending: string): number =>
      vectorFiles(FOLDER)
        .filter((file) => file.endsWith(ending))
        .map((file) => (ending === '.gz' ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString())
        .reduce((sum, text) => sum + text.trim().split('\n').length, 0);
    expect(count('.gz')).toBe(RECORDED);
    expect(lines).toBe(RECORDED + count('.jsonl'));
    expect(passed + departed + failed).toBe(lines);
  });

  it.each([...result.families.keys()])('%s', (family) => {
    expect(result.failures.filter((failure) => failure.family === family)).toEqual([]);
  });

  it('say truly which dialects cannot read a document', async () => {
    const engine = new InProcessTarget();
    const read: string[] = [];
    let checked = 0;
    for (const file of vectorFiles(FOLDER)) {
      for await (const vector of readVectors(file)) {
        if (isBadLine(vector) || !Array.isArray(vector.line.invalid_in)) continue;
        for (const dialect of vector.line.invalid_in) {
          checked += 1;
          const { outcome } = engine.evaluate(vector.question, String(dialect));
          // A session's document that cannot be read refuses.
          if (outcome === 'INVALID' || (vector.question.kind === 'session' && outcome === 'DENY')) continue;
          read.push(`${vector.question.id} ${dialect}: ${outcome}`);
        }
      }
    }
    expect(read).toEqual([]);
    expect(checked).toBeGreaterThan(2_000);
  });
});
