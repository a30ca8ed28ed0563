// One line of a vector file, read into what is asked and what is expected; FORMAT.md says what the members mean. A line that cannot be
// read is a vector that fails, never one that is left out.
import { createReadStream, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { linesOf } from './json-lines.ts';

/** Kinds whose answer is a decision on documents and a request. */
export const DECISION_KINDS = ['identity', 'session', 'bucket', 'anonymous', 'combined', 'http'] as const;
/** Kinds with an answer of another form. */
export const OTHER_KINDS = [
  'conditions',
  'parse',
  'key-table',
  'wildcard',
  'segment-match',
  'cidr',
  'source-ip',
] as const;

export type DecisionKind = (typeof DECISION_KINDS)[number];
export type VectorKind = DecisionKind | (typeof OTHER_KINDS)[number];

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Members that say what is right, or talk about the vector: no engine under test sees them. */
const EXPECTATION_MEMBERS: ReadonlySet<string> = new Set([
  'expect',
  'expect_by',
  'invalid_in',
  'valid',
  'valid_by',
  'storable',
  'storable_by',
  'minio_strict_valid',
  'normalized',
  'accepted',
  'keys',
  'why',
  'note',
]);

/** What an engine is asked: the vector without its expectation. */
export interface Question {
  readonly id: string;
  readonly family: string;
  readonly kind: VectorKind;
  /** Every member of the line but those that say what is right. */
  readonly members: JsonObject;
}

export interface Vector {
  readonly question: Question;
  /** The dialects that the line has an expectation for. */
  readonly dialects: readonly string[];
  /** The whole line. */
  readonly line: JsonObject;
}

/** A line that is no vector. */
export interface BadLine {
  readonly id: string;
  readonly family: string;
  readonly problem: string;
}

const KINDS: ReadonlySet<string> = new Set([...DECISION_KINDS, ...OTHER_KINDS]);

/** Reads one line. @param place where it stands, for lines without an id */
export function readVector(text: string, place: string): Vector | BadLine {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (error) {
    return { id: place, family: '?', problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isObject(line)) return { id: place, family: '?', problem: 'a vector is a JSON object' };
  const id = typeof line.id === 'string' ? line.id : place;
  const family = typeof line.family === 'string' ? line.family : '?';
  const bad = (problem: string): BadLine => ({ id, family, problem });
  if (typeof line.family !== 'string') return bad('it names no family');
  const { kind, dialects } = line;
  if (typeof kind !== 'string' || !KINDS.has(kind)) return bad(`unknown kind ${JSON.stringify(kind)}`);
  if (!Array.isArray(dialects) || dialects.length === 0 || !dialects.every((name) => typeof name === 'string')) {
    return bad('dialects must be a list of names');
  }
  const members = Object.fromEntries(Object.entries(line).filter(([name]) => !EXPECTATION_MEMBERS.has(name)));
  const invalid: readonly Json[] = Array.isArray(line.invalid_in) ? line.invalid_in : [];
  const expecting = (dialects as string[]).filter((name) => !invalid.includes(name));
  if (expecting.length === 0) return bad('all its dialects are in invalid_in: nothing is expected of any');
  return {
    question: { id, family, kind: kind as VectorKind, members },
    dialects: expecting,
    line,
  };
}

export function isBadLine(read: Vector | BadLine): read is BadLine {
  return 'problem' in read;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The vector files of a folder, sorted by name: *.jsonl and *.jsonl.gz. Throws what reading a folder throws. */
export function vectorFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The lines of a vector file, blank ones left out. A file that cannot be read to its end has one line more, which is no vector: what it
 * lacks is never taken for passed.
 */
export async function* readVectors(file: string): AsyncGenerator<Vector | BadLine> {
  const raw = createReadStream(file);
  const input = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => input.destroy(error));
  const name = basename(file);
  let number = 0;
  try {
    for await (const text of linesOf(input)) {
      number += 1;
      if (text.trim() !== '') yield readVector(text, `${name}:${number}`);
    }
  } catch (error) {
    const problem = `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    yield { id: `${name}:${number + 1}`, family: '?', problem };
  }
}
