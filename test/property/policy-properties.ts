// Properties of the policy engine that hold for every document and request, as fast-check properties. CI runs a few thousand cases
// of each; `npm run fuzz` runs many more.
import fc from 'fast-check';
import {
  authorize,
  compilePolicySet,
  DIALECT_NAMES,
  explain,
  type Policy,
  type PolicyRequest,
  parsePolicy,
} from '../../src/authz/policy/index.ts';

const name = fc.constantFrom('a', 'ab', 'bucket', 'home', '*', '?', 'b*', '${aws:username}', '..', 'x/y', 'é');
const statement = fc.record({
  Effect: fc.constantFrom('Allow', 'Deny'),
  Action: fc.array(fc.constantFrom('s3:GetObject', 's3:Get*', 's3:*', 's3:PutObject', 's3:ListBucket'), {
    minLength: 1,
    maxLength: 3,
  }),
  Resource: fc.array(
    fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `arn:aws:s3:::${parts.join('/')}`),
    { minLength: 1, maxLength: 3 },
  ),
});
const statements = fc.array(statement, { maxLength: 6 });
const request: fc.Arbitrary<PolicyRequest> = fc.record({
  principal: fc.constantFrom('alice', 'a*', 'é').map((user) => ({ type: 'User' as const, user, account: '' })),
  action: fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:DeleteObject'),
  bucket: fc.constantFrom('a', 'ab', 'bucket', 'home'),
  object: fc.constantFrom('', 'a', 'a/b', 'home/alice/x', '*', 'é'),
  keys: fc.constantFrom('alice', 'a*', '').map((user) => new Map([['aws:username', [user]]])),
});

/** What documents are damaged with. */
const DAMAGE = [
  '',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\\\',
  '\\u0000',
  '${',
  '*',
  '?',
  'null',
  '1e999',
  '\\ud800',
  'é',
  '[[[[',
  'Deny',
];

type Written = { readonly Effect: string; readonly Action: readonly string[]; readonly Resource: readonly string[] };

function compile(list: readonly Written[]): Policy {
  const parsed = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: list }), {
    kind: 'identity',
    dialect: 'portcullis',
    name: 'generated',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.policy;
}

const outcome = (identity: readonly Policy[], asked: PolicyRequest, session?: Policy): string =>
  authorize(compilePolicySet({ identity, session }, 'portcullis'), asked).outcome;

/** Properties by what they say. */
export const POLICY_PROPERTIES: Readonly<Record<string, fc.IProperty<unknown>>> = {
  'adding a Deny never allows more': fc.property(statements, statement, request, (list, more, asked) => {
    const before = outcome([compile(list)], asked);
    const after = outcome([compile([...list, { ...more, Effect: 'Deny' }])], asked);
    return before === 'Allow' || after !== 'Allow';
  }) as fc.IProperty<unknown>,
  'the order of statements is irrelevant': fc.property(statements, request, (list, asked) => {
    return outcome([compile(list)], asked) === outcome([compile([...list].reverse())], asked);
  }) as fc.IProperty<unknown>,
  'a session policy never exceeds either side': fc.property(statements, statements, request, (list, session, asked) => {
    if (outcome([compile(list)], asked, compile(session)) !== 'Allow') return true;
    return outcome([compile(list)], asked) === 'Allow' && outcome([compile(session)], asked) === 'Allow';
  }) as fc.IProperty<unknown>,
  'an explanation decides as the decision': fc.property(statements, request, (list, asked) => {
    const program = compilePolicySet({ identity: [compile(list)] }, 'portcullis');
    return explain(program, asked).decision.outcome === authorize(program, asked).outcome;
  }) as fc.IProperty<unknown>,
  'a document written otherwise decides the same': fc.property(statements, request, (list, asked) => {
    // One entry as a text instead of a list, members in another order, other blanks.
    const short = (values: readonly string[]): unknown => (values.length === 1 ? values[0] : values);
    const Statement = list.map(({ Effect, Action, Resource }) => ({
      Resource: short([...Resource].reverse()),
      Action: short([...Action].reverse()),
      Effect,
    }));
    const text = JSON.stringify({ Statement, Version: '2012-10-17' }, undefined, 3);
    const parsed = parsePolicy(text, { kind: 'identity', dialect: 'portcullis', name: 'generated' });
    return parsed.ok && outcome([parsed.policy], asked) === outcome([compile(list)], asked);
  }) as fc.IProperty<unknown>,
  'the parser survives any change of a document': fc.property(
    statements,
    fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.constantFrom(...DAMAGE)), { minLength: 1, maxLength: 6 }),
    (list, damages) => {
      let text = JSON.stringify({ Version: '2012-10-17', Statement: list });
      for (const [at, length, by] of damages) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + by + text.slice(start + length);
      }
      for (const dialect of DIALECT_NAMES) {
        for (const kind of ['identity', 'session', 'bucket'] as const) {
          const parsed = parsePolicy(text, { kind, dialect, name: 'damaged', bucket: 'bucket' });
          if (!parsed.ok && (parsed.issues.length === 0 || parsed.issues.some(({ path }) => !path.startsWith('$'))))
            return false;
        }
      }
      return true;
    },
  ) as fc.IProperty<unknown>,
  'the parser survives any text and any JSON': fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    for (const kind of ['identity', 'session', 'bucket'] as const) {
      parsePolicy(text, { kind, dialect: 'portcullis', name: 'generated', bucket: 'bucket' });
    }
    return true;
  }) as fc.IProperty<unknown>,
};
