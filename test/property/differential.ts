// Random documents and requests, decided by the engine and by the references: they must agree on every one.
import { askDocuments } from '../../src/authz/policy/index.ts';
import { accountPair } from './differential-accounts.ts';
import type { Pair, Random } from './differential-pair.ts';
import { pathPair } from './differential-paths.ts';
import { tenantPair } from './differential-tenants.ts';
import { seeded } from './policy-mutations.ts';

export interface DifferentialResult {
  readonly compared: number;
  /** Documents that the engine refuses to read, so that there was nothing to compare. */
  readonly unreadable: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Three dialects of paths, and one each of accounts and tenants. */
function randomPair(random: Random): Pair {
  const world = random();
  return world < 0.6 ? pathPair(random) : world < 0.8 ? accountPair(random) : tenantPair(random);
}

/** Compares so many pairs. Throws for the first disagreement, with everything that it takes to see it again. */
export function compareWithReference(
  pairs: number,
  seed: number,
  progress?: (done: number) => void,
): DifferentialResult {
  const random = seeded(seed);
  const outcomes: Record<string, number> = {};
  let compared = 0;
  let unreadable = 0;
  while (compared < pairs) {
    const { asked, expected: reference } = randomPair(random);
    const answer = askDocuments(asked);
    if (answer.kind === 'invalid' || answer.program.session === 'unparsable') {
      unreadable += 1;
      if (unreadable > 1_000 + compared) throw new Error(`most documents are not read: ${JSON.stringify(asked)}`);
      continue;
    }
    const expected = reference();
    const { outcome } = answer.decision;
    if (outcome !== expected) {
      const shown = JSON.stringify(asked, undefined, 1);
      throw new Error(
        `seed ${seed}, pair ${compared}: the engine says ${outcome}, the reference ${expected}: ${shown}`,
      );
    }
    outcomes[`${asked.dialect} ${outcome}`] = (outcomes[`${asked.dialect} ${outcome}`] ?? 0) + 1;
    compared += 1;
    if (progress !== undefined && compared % 100_000 === 0) progress(compared);
  }
  return { compared, unreadable, outcomes };
}
