// A part of a snapshot that follows from some of its records alone, with what an operator should look at there. A change of other
// records leaves it as it is, so that what a change costs does not grow with everything there is.
import type { SnapshotProblem } from './known-identities.ts';

export interface Section<T> {
  /** What it follows from. */
  readonly of: readonly unknown[];
  readonly value: T;
  readonly problems: readonly SnapshotProblem[];
}

/** Takes the section of the last snapshot over if it follows from the same. */
export function section<T>(
  of: readonly unknown[],
  before: Section<T> | undefined,
  make: (problems: SnapshotProblem[]) => T,
): Section<T> {
  if (before?.of.length === of.length && of.every((each, at) => each === before.of[at])) return before;
  const problems: SnapshotProblem[] = [];
  return { of, value: make(problems), problems };
}
