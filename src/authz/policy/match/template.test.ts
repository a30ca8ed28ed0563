import { describe, expect, it } from 'vitest';
import { authorize, compilePolicySet, parsePolicy } from '../index.ts';

const VARIABLE = '${aws:UserAgent}';

function decide(resource: string, object: string, agent: string): string {
  const Statement = [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::b/${resource}` }];
  const parsed = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement }), {
    kind: 'identity',
    dialect: 'portcullis',
    name: 'tested',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return authorize(compilePolicySet({ identity: [parsed.policy] }, 'portcullis'), {
    principal: { type: 'User', user: 'alice', account: '' },
    action: 's3:GetObject',
    bucket: 'b',
    object,
    keys: new Map([['aws:UserAgent', [agent]]]),
  }).outcome;
}

describe('variables', () => {
  it.each([
    [`${VARIABLE}*${VARIABLE}`, 'mcmc', 'mc', 'Allow'],
    [`${VARIABLE}*${VARIABLE}`, 'mc', 'mc', 'ImplicitDeny'],
    [`${VARIABLE}?*${VARIABLE}**`, 'mc1mc', 'mc', 'Allow'],
    [`*${VARIABLE}??${VARIABLE}*`, 'ééé', 'é', 'Allow'],
    [`*${VARIABLE}*`, '*?', '*?', 'Allow'],
  ])('%s against %s with %s: %s', (resource, object, agent, outcome) => {
    expect(decide(resource, object, agent)).toBe(outcome);
  });

  it('of long values, however often they are written, cost no more than the text is long', () => {
    const cost = (agent: string): number => {
      const began = process.cpuUsage();
      for (let i = 0; i < 5; i++) decide(`${VARIABLE}*`.repeat(1_000), 'a'.repeat(1_000), agent);
      const { user, system } = process.cpuUsage(began);
      return user + system;
    };
    cost('a');
    // A thousand times the length; put together it would take some hundred times as long.
    expect(cost('a'.repeat(8_000))).toBeLessThan(10 * Math.max(cost('aaaaaaaa'), 10_000));
  });
});
