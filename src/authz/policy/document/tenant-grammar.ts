// Documents of a tenant: strict, with comments; elements may stand once, every value has its one type, actions are out of a closed
// list, and resources belong to the tenant that owns the document.
import { splitArn } from '../condition/string-operators.ts';
import type { TenantGrammar } from '../dialect/dialect.ts';
import { compileActions } from '../match/action.ts';
import { type TenantPrincipal, tenantPrincipals } from '../match/principal.ts';
import { type CompiledResource, compileArnResource } from '../match/resource.ts';
import type { CompiledStatement } from '../policy.ts';
import { readConditions } from './conditions.ts';
import { membersOf } from './elements.ts';
import type { JsonNode } from './json-reader.ts';
import type { ReadDocument } from './parse-policy.ts';
import { nearest, type PolicyIssueCode } from './policy-issue.ts';
import type { DocumentContext, StatementContext } from './statement-context.ts';

type Context = StatementContext<TenantGrammar>;
type Problem = (code: PolicyIssueCode, path: string, message: string, suggestion?: string) => undefined;

const TOP_ELEMENTS = ['Version', 'Id', 'Statement'];
const STATEMENT_ELEMENTS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];
const PRINCIPAL_TYPES = ['AWS', 'Federated', 'Service', 'CanonicalUser'];

/** Reads a document; issues are added to the context. Undefined when it is no object. */
export function readTenantDocument(
  root: JsonNode,
  grammar: TenantGrammar,
  context: DocumentContext,
): ReadDocument | undefined {
  const problem = problemsOf(context);
  if (root.type !== 'object') return problem('WrongType', '$', 'a policy is a JSON object');
  const elements = elementsOf(root, TOP_ELEMENTS, '$', problem);
  const version = textOf(elements.get('Version'), '$.Version', problem) ?? '';
  if (elements.has('Version') && !grammar.versions.has(version)) {
    problem(
      'UnsupportedVersion',
      '$.Version',
      `Version must be one of ${[...grammar.versions].join(', ')}`,
      '2012-10-17',
    );
  }
  textOf(elements.get('Id'), '$.Id', problem);
  const written = elements.get('Statement');
  const items = written === undefined ? [] : written.type === 'array' ? written.items : [written];
  const statements: CompiledStatement[] = [];
  items.forEach((item, index) => {
    const path = written?.type === 'array' ? `$.Statement[${index}]` : '$.Statement';
    const statement = readStatement(item, { ...context, grammar, index, path });
    if (statement !== undefined) statements.push(statement);
  });
  return { version, statementCount: items.length, statements };
}

function problemsOf({ issues }: Pick<DocumentContext, 'issues'>): Problem {
  return (code, path, message, suggestion) => {
    issues.push({ code, path, message, ...(suggestion === undefined ? {} : { suggestion }) });
    return undefined;
  };
}

function elementsOf(
  node: JsonNode,
  known: readonly string[],
  path: string,
  problem: Problem,
): ReadonlyMap<string, JsonNode> {
  const elements = new Map<string, JsonNode>();
  for (const { name, value } of membersOf(node)) {
    if (!known.includes(name)) {
      problem(
        'UnsupportedElement',
        `${path}.${name}`,
        `there is no element ${JSON.stringify(name)} here; there are ${known.join(', ')}`,
        nearest(name, known),
      );
    } else if (elements.has(name)) problem('UnsupportedElement', `${path}.${name}`, `${name} may stand only once`);
    else elements.set(name, value);
  }
  return elements;
}

function textOf(node: JsonNode | undefined, path: string, problem: Problem): string | undefined {
  if (node === undefined || node.type === 'string') return node?.value;
  return problem('WrongType', path, 'it must be a string');
}

/** A string or a list of strings, which may be empty; absent: none. */
function textsOf(node: JsonNode | undefined, path: string, problem: Problem): readonly string[] {
  if (node === undefined) return [];
  const items = node.type === 'array' ? node.items : [node];
  const texts: string[] = [];
  for (const item of items) {
    if (item.type === 'string') texts.push(item.value);
    else problem('WrongType', path, 'it must be a string or a list of strings');
  }
  return texts;
}

function readStatement(node: JsonNode, context: Context): CompiledStatement | undefined {
  const { dialect, issues, path, kind } = context;
  const before = issues.length;
  const problem = problemsOf(context);
  if (node.type !== 'object') return problem('WrongType', path, 'a statement is a JSON object');
  const elements = elementsOf(node, STATEMENT_ELEMENTS, path, problem);
  const sid = textOf(elements.get('Sid'), `${path}.Sid`, problem);
  const effect = textOf(elements.get('Effect'), `${path}.Effect`, problem) ?? 'Deny';
  if (effect !== 'Allow' && effect !== 'Deny') {
    problem('InvalidEffect', `${path}.Effect`, 'Effect must be "Allow" or "Deny"', nearest(effect, ['Allow', 'Deny']));
  }
  const actions = readActions(elements, 'Action', context);
  const except = readActions(elements, 'NotAction', context);
  const resources = readResources(elements, 'Resource', context);
  const excluded = readResources(elements, 'NotResource', context);
  const named = readPrincipals(elements, 'Principal', context);
  const unnamed = readPrincipals(elements, 'NotPrincipal', context);
  const condition = elements.get('Condition');
  const conditions = condition === undefined ? [] : readConditions([condition], undefined, undefined, context);
  if (issues.length > before) return undefined;
  return {
    ref: { policy: context.name, sid: sid === '' ? undefined : sid, index: context.index },
    effect: effect === 'Allow' ? 'Allow' : 'Deny',
    service: 's3',
    // NotAction only takes back what Action names.
    actions: compileActions(actions, dialect.actions, { negated: false, implies: false, except }),
    resources: resources.length > 0 ? resources : excluded,
    negatedResources: resources.length === 0 && excluded.length > 0,
    resourceCounts: true,
    principals:
      kind === 'bucket'
        ? tenantPrincipals([...named.texts, ...unnamed.texts], named.principals, unnamed.principals)
        : undefined,
    conditions,
  };
}

function readActions(elements: ReadonlyMap<string, JsonNode>, element: string, context: Context): readonly string[] {
  const problem = problemsOf(context);
  const entries = textsOf(elements.get(element), `${context.path}.${element}`, problem);
  entries.forEach((entry, i) => {
    if (entry.startsWith('*')) return;
    const matcher = compileActions([entry], context.dialect.actions, { negated: false, implies: false });
    for (const known of context.grammar.knownActions) if (matcher.matches(known)) return;
    const suggestion = nearest(entry, context.grammar.actionNames);
    problem(
      'UnknownAction',
      `${context.path}.${element}[${i}]`,
      `${JSON.stringify(entry)} is not an action here${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
      suggestion,
    );
  });
  return entries;
}

const ARN = /^arn:(aws|aws-cn|aws-us-gov|\*):([^:]*):([^:]*):([^:]*):(.*)$/s;

function readResources(
  elements: ReadonlyMap<string, JsonNode>,
  element: string,
  context: Context,
): readonly CompiledResource[] {
  const { dialect, kind, path, tenant = '' } = context;
  const problem = problemsOf(context);
  const rules = kind === 'bucket' ? dialect.bucketResource : dialect.identityResource;
  const compiled: CompiledResource[] = [];
  textsOf(elements.get(element), `${path}.${element}`, problem).forEach((source, i) => {
    const at = `${path}.${element}[${i}]`;
    const [, partition, service, region, account = '', resource] = source === '*' ? WILD_ARN : (ARN.exec(source) ?? []);
    if (resource === undefined) {
      problem('InvalidResource', at, `${JSON.stringify(source)} is not an ARN; write arn:aws:s3:::bucket/* or "*"`);
    } else if (account !== '' && account !== '*' && account !== tenant) {
      problem(
        'InvalidResource',
        at,
        `a policy of the tenant ${JSON.stringify(tenant)} cannot speak of ${JSON.stringify(account)}'s resources`,
      );
    } else {
      const arn = `arn:${partition}:${service}:${region}:${tenant}:${resource}`;
      compiled.push(compileArnResource(source, arn, rules));
    }
  });
  return compiled;
}

/** `*`: everything of the tenant. */
const WILD_ARN = ['', '*', '*', '*', '*', '*'];

function readPrincipals(
  elements: ReadonlyMap<string, JsonNode>,
  element: string,
  context: Context,
): { readonly texts: readonly string[]; readonly principals: readonly TenantPrincipal[] } {
  const problem = problemsOf(context);
  const path = `${context.path}.${element}`;
  const node = elements.get(element);
  const texts: string[] = [];
  const principals: TenantPrincipal[] = [];
  if (node === undefined) return { texts, principals };
  if (node.type === 'string') {
    if (node.value.startsWith('*')) return { texts: ['*'], principals: [{ kind: 'everyone' }] };
    problem('InvalidPrincipal', path, 'a text can only be "*"');
  } else if (node.type !== 'object') problem('WrongType', path, 'it must be "*" or an object');
  for (const [type, value] of elementsOf(node, PRINCIPAL_TYPES, path, problem)) {
    for (const text of textsOf(value, `${path}.${type}`, problem)) {
      const principal = type === 'AWS' || type === 'Federated' ? readPrincipal(type, text) : undefined;
      if (principal === undefined) {
        problem(
          'InvalidPrincipal',
          `${path}.${type}`,
          `${JSON.stringify(text)} is no principal here; write e.g. {"AWS": "arn:aws:iam::tenant:user/name"}`,
        );
      } else {
        texts.push(text);
        principals.push(principal);
      }
    }
  }
  return { texts, principals };
}

function readPrincipal(type: string, text: string): TenantPrincipal | undefined {
  if (type === 'AWS' && text === '*') return { kind: 'everyone' };
  if (!ARN.test(text)) return /[:/]/.test(text) ? undefined : { kind: 'tenant', tenant: text };
  const [, , , , tenant = '', resource = ''] = splitArn(text) ?? [];
  if (resource === 'root') return { kind: 'tenant', tenant };
  const slash = resource.indexOf('/');
  const id = resource.slice(slash + 1);
  switch (slash === -1 ? '' : resource.slice(0, slash)) {
    case 'user':
      return { kind: 'user', tenant, id };
    case 'role':
      return { kind: 'role', tenant, id };
    case 'assumed-role':
      return { kind: 'session', tenant, id };
    case 'oidc-provider':
      return { kind: 'provider', id };
    default:
      return undefined;
  }
}
