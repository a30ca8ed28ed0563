// An explanation shows the statements as the decision saw them, whatever action it came from.
import { describe, expect, it } from 'vitest';
import { compilePolicySet, type Explanation, explain, parsePolicy } from './index.ts';

function explained(statements: readonly object[], action: string, keys: readonly [string, string][] = []): Explanation {
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const parsed = parsePolicy(text, { kind: 'identity', dialect: 'portcullis', name: 'tested' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return explain(compilePolicySet({ identity: [parsed.policy] }, 'portcullis'), {
    principal: { type: 'User', user: 'alice', account: '' },
    action,
    bucket: 'photos',
    object: action.startsWith('s3:List') ? '' : 'k',
    keys: new Map(keys.map(([name, value]) => [name, [value]])),
  });
}

const rule = (Effect: string, Action: string, Resource: string, members: object = {}): object => ({
  Effect,
  Action,
  Resource: `arn:aws:s3:::${Resource}`,
  ...members,
});

describe('explain', () => {
  it('shows the statement that decides as one that matches', () => {
    const listing = explained([rule('Allow', 's3:ListBucket', 'photos')], 's3:ListBucketVersions');
    expect(listing).toMatchObject({
      decision: { outcome: 'Allow', by: { index: 0 } },
      statements: [{ matched: true }],
    });

    const statements = [rule('Allow', 's3:*', 'photos/*'), rule('Deny', 's3:DeleteObjectVersion', 'photos/*')];
    const deletion = explained(statements, 's3:DeleteObject', [['s3:versionid', 'v1']]);
    expect(deletion).toMatchObject({
      decision: { outcome: 'ExplicitDeny', by: { index: 1 } },
      statements: [{ matched: true }, { matched: true }],
    });
    expect(explained(statements, 's3:DeleteObject')).toMatchObject({
      decision: { outcome: 'Allow' },
      statements: [{ matched: true }, { matched: false, failedElement: 'Action', seen: ['s3:DeleteObject'] }],
    });
  });

  it('shows what was asked for where nothing allows it', () => {
    const office = { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } };
    const statements = [
      rule('Allow', 's3:ListBucketVersions', 'photos', office),
      rule('Allow', 's3:GetObject', 'photos/*'),
    ];
    expect(explained(statements, 's3:ListBucketVersions', [['aws:SourceIp', '192.0.2.1']])).toMatchObject({
      decision: { outcome: 'ImplicitDeny' },
      statements: [
        {
          matched: false,
          failedElement: 'Condition',
          operator: 'IpAddress',
          wanted: ['10.0.0.0/8'],
          seen: ['192.0.2.1'],
        },
        { matched: false, failedElement: 'Action', seen: ['s3:ListBucketVersions'] },
      ],
    });
  });
});
