// Runs vectors against a target and counts: each line read is passed, departed or failed, and nothing else.
import { minimatch } from 'minimatch';
import { agrees, differenceText, type Expected, expectedOf, type Outcome } from './outcome.ts';
import type { Target } from './targets/target.ts';
import { type BadLine, isBadLine, readVectors, type Vector, vectorFiles } from './vector.ts';

/** The rule by which an answer may differ from the expected one; undefined when none does. */
export type DepartureRule = (
  vector: Vector,
  dialect: string,
  expected: Outcome,
  outcome: Outcome,
) => string | undefined;

export interface RunOptions {
  /** Folder of *.jsonl and *.jsonl.gz. */
  readonly folder: string;
  readonly target: Target;
  /** Every dialect that the target can be asked for; a vector for another one fails. */
  readonly dialects: ReadonlySet<string>;
  /** Only vectors of this dialect, and only its expectation. */
  readonly dialect?: string | undefined;
  /** Only families that this glob matches. */
  readonly family?: string | undefined;
  readonly departure: DepartureRule;
}

export interface FamilyCount {
  passed: number;
  departed: number;
  failed: number;
}

export interface Failure {
  readonly id: string;
  readonly family: string;
  readonly kind: string;
  readonly dialect: string;
  readonly expected: Outcome;
  readonly actual: Outcome;
  readonly explanation: string;
}

export interface RunResult {
  readonly target: string;
  readonly lines: number;
  readonly passed: number;
  readonly departed: number;
  readonly failed: number;
  readonly families: ReadonlyMap<string, Readonly<FamilyCount>>;
  /** Lines by the rule that they departed by. */
  readonly departures: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
}

type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'departed'; readonly rule: string }
  | { readonly kind: 'failed'; readonly failures: readonly Failure[] };

/** Runs all vectors that were chosen. Throws what reading the folder throws. */
export async function runVectors(options: RunOptions): Promise<RunResult> {
  const families = new Map<string, FamilyCount>();
  const departures = new Map<string, number>();
  const failures: Failure[] = [];
  let lines = 0;
  const count = (family: string, verdict: Verdict): void => {
    let counts = families.get(family);
    if (counts === undefined) {
      counts = { passed: 0, departed: 0, failed: 0 };
      families.set(family, counts);
    }
    counts[verdict.kind] += 1;
    lines += 1;
    if (verdict.kind === 'failed') failures.push(...verdict.failures);
    if (verdict.kind === 'departed') departures.set(verdict.rule, (departures.get(verdict.rule) ?? 0) + 1);
  };

  let open: Promise<readonly [string, Verdict]>[] = [];
  const settle = async (): Promise<void> => {
    const batch = open;
    open = [];
    for (const [family, verdict] of await Promise.all(batch)) count(family, verdict);
  };
  for (const file of vectorFiles(options.folder)) {
    for await (const read of readVectors(file)) {
      if (!isChosen(read, options)) continue;
      open.push(judge(read, options).then((verdict) => [familyOf(read), verdict] as const));
      if (open.length >= options.target.concurrency) await settle();
    }
  }
  await settle();
  const total = (kind: keyof FamilyCount): number => [...families.values()].reduce((sum, one) => sum + one[kind], 0);
  return {
    target: options.target.name,
    lines,
    passed: total('passed'),
    departed: total('departed'),
    failed: total('failed'),
    families: new Map([...families].sort(([a], [b]) => (a < b ? -1 : 1))),
    departures: new Map([...departures].sort(([a], [b]) => (a < b ? -1 : 1))),
    failures,
  };
}

function familyOf(read: Vector | BadLine): string {
  return isBadLine(read) ? read.family : read.question.family;
}

/** A line that cannot be read is always chosen: it could be any vector. */
function isChosen(read: Vector | BadLine, { dialect, family }: RunOptions): boolean {
  if (family !== undefined && !minimatch(familyOf(read), family) && familyOf(read) !== '?') return false;
  return isBadLine(read) || dialect === undefined || read.dialects.includes(dialect);
}

async function judge(read: Vector | BadLine, options: RunOptions): Promise<Verdict> {
  if (isBadLine(read)) {
    const { id, family, problem } = read;
    return {
      kind: 'failed',
      failures: [{ id, family, kind: '?', dialect: '?', expected: null, actual: null, explanation: problem }],
    };
  }
  const dialects = options.dialect === undefined ? read.dialects : [options.dialect];
  const failures: Failure[] = [];
  let rule: string | undefined;
  for (const dialect of dialects) {
    const found = await judgeDialect(read, dialect, options);
    if (found === undefined) continue;
    if (typeof found === 'string') rule ??= found;
    else failures.push(found);
  }
  if (failures.length > 0) return { kind: 'failed', failures };
  return rule === undefined ? { kind: 'passed' } : { kind: 'departed', rule };
}

/** Undefined when the answer is right, the name of the rule when it departs. */
async function judgeDialect(
  vector: Vector,
  dialect: string,
  { target, dialects, departure }: RunOptions,
): Promise<Failure | string | undefined> {
  const expected: Expected = expectedOf(vector, dialect);
  const failure = (actual: Outcome, explanation: string): Failure => ({
    id: vector.question.id,
    family: vector.question.family,
    kind: vector.question.kind,
    dialect,
    expected: expected.known ? expected.outcome : null,
    actual,
    explanation,
  });
  if (!dialects.has(dialect)) return failure(null, `unknown dialect ${JSON.stringify(dialect)}`);
  if (!expected.known) return failure(null, expected.problem);
  try {
    const { outcome, explanation } = await target.evaluate(vector.question, dialect);
    if (agrees(vector, expected.outcome, outcome)) return undefined;
    const rule = departure(vector, dialect, expected.outcome, outcome);
    if (rule !== undefined) return rule;
    const difference = differenceText(vector, expected.outcome, outcome);
    return failure(outcome, difference || explanation || 'the engine says no more');
  } catch (error) {
    return failure(null, error instanceof Error ? error.message : String(error));
  }
}
