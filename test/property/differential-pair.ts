// What the generators of random questions share: a question to the engine with the reference's answer, and ways to choose.
import type { DocumentQuestion } from '../../src/authz/policy/index.ts';

export type ReferenceOutcome = 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';

export interface Pair {
  readonly asked: DocumentQuestion;
  /** The reference's answer. */
  expected(): ReferenceOutcome;
}

export type Random = () => number;

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
export const chance = (random: Random, of: number): boolean => random() < of;
/** At least one. */
export const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: 1 + Math.floor(random() * most) }, make);

export const RELATIONS = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'];
export const NUMBERS = ['0', '1', '10', '-5', '+7', '007', '1000', '10.5'];
export const DATES = [
  '2026-01-01T00:00:00Z',
  '2026-01-01T02:00:00+02:00',
  '2025-12-31T23:59:59.999Z',
  '2026-02-28T12:30:00-08:00',
];
