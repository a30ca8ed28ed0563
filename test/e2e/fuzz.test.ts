// A short run of random requests; the long one is `npm run fuzz -- http`.
import { expect, it } from 'vitest';
import { withFuzzedGateway } from '../property/http-fuzz-gateway.ts';

it('random requests are answered without a fault, and change nothing when they are refused', async () => {
  const { statuses } = await withFuzzedGateway(800, 20_260_101);
  // it reaches both sides: what is refused, and what is done
  const within = (least: number, most: number): number =>
    [...statuses].reduce((sum, [status, count]) => (status >= least && status <= most ? sum + count : sum), 0);
  expect(within(200, 299)).toBeGreaterThan(10);
  expect(within(400, 499)).toBeGreaterThan(200);
}, 180_000);
