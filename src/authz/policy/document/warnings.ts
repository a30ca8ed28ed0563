// What is valid in a document and rarely meant: texts that look like variables and are none, actions that there are not, and principals
// that nobody is.
import type { Dialect } from '../dialect/dialect.ts';
import { namesNobody } from '../match/principal.ts';
import type { CompiledStatement } from '../policy.ts';
import { suggestedAction } from './actions.ts';
import { suggestedKey } from './conditions.ts';
import type { PolicyIssue } from './policy-issue.ts';

const VARIABLE = /\$\{([^{}]*)\}/g;

/** Warnings of a document that was read. */
export function warningsOf(statements: readonly CompiledStatement[], dialect: Dialect): readonly PolicyIssue[] {
  return [
    ...unknownActions(statements, dialect),
    ...unknownPrincipals(statements, dialect),
    ...unknownVariables(statements, dialect),
  ];
}

/** Bucket policies may name any action, but a name that nothing has matches nothing. */
function unknownActions(statements: readonly CompiledStatement[], { grammar }: Dialect): readonly PolicyIssue[] {
  if (grammar.kind !== 'path' || grammar.bucketActionCase !== 'any') return [];
  return statements.flatMap(({ ref, principals, actions }) =>
    actions.entries.flatMap((entry, i): PolicyIssue[] => {
      if (principals === undefined || /[*?]/.test(entry) || Object.hasOwn(grammar.bucketActions, entry)) return [];
      const suggestion = suggestedAction(entry, 'bucket', grammar);
      return [
        {
          code: 'UnknownAction',
          path: `$.Statement[${ref.index}].${actions.negated ? 'NotAction' : 'Action'}[${i}]`,
          message: `${JSON.stringify(entry)} is not an action of buckets or objects here${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
          ...(suggestion === undefined ? {} : { suggestion }),
        },
      ];
    }),
  );
}

/** Roles and patterns in an ARN are kept as they are written, and name nobody where requesters are users and their sessions. */
function unknownPrincipals(statements: readonly CompiledStatement[], { grammar }: Dialect): readonly PolicyIssue[] {
  if (grammar.kind !== 'path') return [];
  const right = grammar.principalArns
    ? 'write a user as arn:aws:iam:::user/NAME or by the access key'
    : 'write a user by the access key';
  return statements.flatMap(({ ref, principals }) =>
    (principals?.wanted ?? []).flatMap((entry, i): PolicyIssue[] => {
      if (!namesNobody(entry, grammar.principalArns)) return [];
      const path = `$.Statement[${ref.index}].Principal.AWS[${i}]`;
      return [{ code: 'UnknownPrincipal', path, message: `${JSON.stringify(entry)} names nobody here; ${right}` }];
    }),
  );
}

function unknownVariables(statements: readonly CompiledStatement[], dialect: Dialect): readonly PolicyIssue[] {
  const { names } = dialect.variables;
  if (names === 'any' || dialect.conditions.wholeVariables) return [];
  const warnings: PolicyIssue[] = [];
  const look = (text: string, path: string): void => {
    if (!text.includes('${')) return;
    for (const [written, name = ''] of text.matchAll(VARIABLE)) {
      if (names.includes(name)) continue;
      const meant = suggestedKey(name, names);
      const suggestion = meant !== undefined && names.includes(meant) ? `\${${meant}}` : undefined;
      warnings.push({
        code: 'UnknownVariable',
        path,
        message: `${written} is not a variable here and stays as it is written${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    }
  };
  for (const { ref, resources, negatedResources, conditions } of statements) {
    const path = `$.Statement[${ref.index}]`;
    const element = negatedResources ? 'NotResource' : 'Resource';
    for (const [i, { source }] of resources.entries()) look(source, `${path}.${element}[${i}]`);
    for (const { operator, key, wanted } of conditions) {
      for (const value of wanted) look(value, `${path}.Condition.${operator}.${key.name}`);
    }
  }
  return warnings;
}
