// What is wrong with a document: data, with the place and, where one is near, the right spelling.

export type PolicyIssueCode =
  | 'InvalidJson'
  | 'TooLarge'
  | 'WrongType'
  | 'UnsupportedVersion'
  | 'MissingVersion'
  | 'MissingElement'
  | 'InvalidEffect'
  | 'UnknownAction'
  | 'MixedServices'
  | 'InvalidResource'
  | 'ResourceOutsideBucket'
  | 'ResourceDoesNotFitAction'
  | 'InvalidPrincipal'
  | 'UnknownOperator'
  | 'UnknownConditionKey'
  | 'InvalidConditionValue'
  | 'UnsupportedElement'
  | 'UnsupportedDialect'
  | 'UnknownPrincipal'
  | 'UnknownVariable'
  | 'NoStatements';

export interface PolicyIssue {
  readonly code: PolicyIssueCode;
  /** JSON path, e.g. `$.Statement[0].Action[1]`. */
  readonly path: string;
  /** What is wrong and what would be right. */
  readonly message: string;
  /** The spelling that was likely meant. */
  readonly suggestion?: string;
}

/** The candidate nearest to a text, if it is near enough to be meant. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.floor(text.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** Edits between two texts; stops counting at `most`. */
function editDistance(a: string, b: string, most: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const value = Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
      current.push(value);
      least = Math.min(least, value);
    }
    if (least >= most) return most;
    previous = current;
  }
  return previous[b.length] ?? most;
}
