import { describe, expect, it } from 'vitest';
import { openIdIdentity } from './external-identity.ts';
import { claimsOfIdentity, identityOfClaims } from './session-identity.ts';

describe('an OpenID identity in the token of its session', () => {
  it.each([
    ['', 'openid:u-1'],
    ['STAFF', 'openid/STAFF:u-1'],
  ])('of the issuer named %j comes back as %s', (name, accessKey) => {
    const identity = openIdIdentity({ sub: 'u-1', groups: ['a', 'b'] }, ['readonly', 'mine'], name);
    expect(identity.accessKey).toBe(accessKey);
    const token = { ...claimsOfIdentity(identity), policy: identity.policies.join(',') };
    expect(identityOfClaims(JSON.parse(JSON.stringify(token)))).toEqual(identity);
  });

  it('without its subject is nobody', () => {
    expect(identityOfClaims({ idp: 'openid', policy: 'readwrite' })).toBe('broken');
  });
});
