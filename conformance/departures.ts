// Whether a rule of departures.json says that the recorded answer of a vector is not the one to give. Pure.

/** One reason to answer otherwise than recorded. */
export interface DepartureRule {
  readonly rule: string;
  readonly dialects: readonly string[];
  /** Families that it may apply to. */
  readonly families: readonly string[];
  /** Name of a predicate over the vector's documents and request; see PREDICATES. */
  readonly when: string;
  /** What may become of the recorded answer: `refuses` (the answer given refuses), `allows` (it allows), `differs`. */
  readonly direction: 'refuses' | 'allows' | 'differs';
  readonly reason: string;
}

/** What is looked at of a vector. */
export interface DepartingVector {
  readonly family: string;
  readonly dialects: readonly string[];
  readonly kind: string;
  readonly policies?: unknown;
  readonly request?: unknown;
  readonly http?: unknown;
  readonly claims?: unknown;
  readonly expect?: unknown;
  readonly expect_by?: unknown;
}

/** The rule that covers a difference in one dialect; undefined when none does. `got`: the outcome given, or the key map. */
export function departureRule(
  _vector: DepartingVector,
  _dialect: string,
  _wanted: unknown,
  _got: unknown,
): DepartureRule | undefined {
  return undefined;
}
