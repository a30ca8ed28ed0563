// npm run fuzz [-- RUNS [SEED]]: the properties over many random cases. Prints the seed, so that a failure can be had again.
import fc from 'fast-check';
import { POLICY_PROPERTIES } from './policy-properties.ts';

const runs = Number(process.argv[2] ?? 200_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
process.stdout.write(`seed ${seed}, ${runs} cases a property\n`);
for (const [name, property] of Object.entries(POLICY_PROPERTIES)) {
  fc.assert(property, { numRuns: runs, seed });
  process.stdout.write(`held: ${name}\n`);
}
