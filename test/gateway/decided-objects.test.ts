// A decision on the tags of an object holds for that object: one that takes its place before the act is decided on anew.
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryVolume } from './memory-volume.ts';
import { type Decider, Served } from './operation-harness.ts';

const TAG = 's3:ExistingObjectTag/colour';
let volume: MemoryVolume;
let root: Served;

beforeEach(async () => {
  volume = new MemoryVolume();
  root = new Served(volume);
  await root.send('PUT', '/bkt');
  await put('green');
});

async function put(colour: string): Promise<void> {
  await root.send('PUT', '/bkt/k', { body: colour, headers: { 'x-amz-tagging': `colour=${colour}` } });
}

/** Allows what is green; `between` runs after the tags were read. */
const greenOnly = (between: () => Promise<void>): Decider => ({
  allows: (_, resource, context) => {
    const colour = context.get(TAG);
    return resource.endsWith('/k') ? (colour === undefined ? [TAG] : colour[0] === 'green') : true;
  },
  onFactsRead: between,
});

describe('an object that is replaced between the decision and the act', () => {
  it('is decided on again', async () => {
    let reads = 0;
    const served = new Served(
      volume,
      {},
      greenOnly(async () => {
        reads += 1;
        if (reads === 1) await put('red');
      }),
    );
    expect(await served.send('GET', '/bkt/k')).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(reads).toBe(2);
  });

  it.each([
    ['GET', '/bkt/k'],
    ['HEAD', '/bkt/k'],
    ['DELETE', '/bkt/k'],
    ['PUT', '/bkt/k?tagging', '<Tagging><TagSet/></Tagging>'],
    ['PUT', '/bkt/k', 'new'],
  ])('is never taken for the one that was decided on: %s %s', async (method, url, body?: string) => {
    const served = new Served(
      volume,
      {},
      greenOnly(() => put('green')),
    );
    const request = body === undefined ? {} : { body };
    expect(await served.send(method, url, request)).toMatchObject({ status: 409, code: 'OperationAborted' });
    expect((await root.send('GET', '/bkt/k')).text).toBe('green');
  });

  it('is not read at all when no policy names a tag', async () => {
    let reads = 0;
    const served = new Served(
      volume,
      {},
      {
        allows: () => true,
        onFactsRead: async () => {
          reads += 1;
        },
      },
    );
    expect(await served.send('GET', '/bkt/k')).toMatchObject({ status: 200 });
    expect(reads).toBe(0);
  });
});
