// Documents about ARNs: names of elements match exactly and unknown ones are refused; actions, ARNs and condition keys are held
// against their shape only. Identity documents name no principal, bucket documents must.
import type { AccountGrammar } from '../dialect/dialect.ts';
import { compileActions } from '../match/action.ts';
import { accountPrincipals, type PrincipalTest } from '../match/principal.ts';
import { type CompiledResource, compileArnResource } from '../match/resource.ts';
import type { CompiledStatement } from '../policy.ts';
import { readConditions } from './conditions.ts';
import { readEffect } from './effect.ts';
import { membersOf } from './elements.ts';
import type { JsonNode } from './json-reader.ts';
import type { ReadDocument } from './parse-policy.ts';
import { nearest } from './policy-issue.ts';
import type { DocumentContext, StatementContext } from './statement-context.ts';

type Context = StatementContext<AccountGrammar>;

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
const PRINCIPAL_TYPES = ['AWS', 'Service', 'Federated', 'CanonicalUser'];
const ACTION = /^(\*|[a-zA-Z0-9-]+:.*)$/s;

/** Reads a document; issues are added to the context. Undefined when it is no object. */
export function readAccountDocument(
  root: JsonNode,
  grammar: AccountGrammar,
  context: DocumentContext,
): ReadDocument | undefined {
  const { issues } = context;
  if (root.type !== 'object') {
    issues.push({ code: 'WrongType', path: '$', message: 'a policy is a JSON object' });
    return undefined;
  }
  const elements = elementsOf(root, TOP_ELEMENTS, '$', context);
  const version = textOf(elements.get('Version'), 'Version', '$', context) ?? '';
  if (elements.has('Version') && !grammar.versions.has(version)) {
    issues.push({
      code: 'UnsupportedVersion',
      path: '$.Version',
      message: `Version must be one of ${[...grammar.versions].join(', ')}`,
      suggestion: '2012-10-17',
    });
  }
  textOf(elements.get('Id'), 'Id', '$', context);
  const written = elements.get('Statement');
  if (written === undefined) {
    issues.push({ code: 'MissingElement', path: '$.Statement', message: 'a policy needs a Statement' });
    return { version, statementCount: 0, statements: [] };
  }
  if (written.type !== 'object' && written.type !== 'array') {
    issues.push({ code: 'WrongType', path: '$.Statement', message: 'Statement must be a list of statements' });
    return { version, statementCount: 0, statements: [] };
  }
  const items = written.type === 'array' ? written.items : [written];
  const statements: CompiledStatement[] = [];
  items.forEach((item, index) => {
    const path = written.type === 'array' ? `$.Statement[${index}]` : '$.Statement';
    const statement = readStatement(item, { ...context, grammar, index, path });
    if (statement !== undefined) statements.push(statement);
  });
  return { version, statementCount: items.length, statements };
}

/** The members by name, the last of several; unknown names are issues. */
function elementsOf(
  node: JsonNode,
  known: readonly string[],
  path: string,
  { issues }: Pick<DocumentContext, 'issues'>,
): ReadonlyMap<string, JsonNode> {
  const elements = new Map<string, JsonNode>();
  for (const { name, value } of membersOf(node)) {
    if (known.includes(name)) elements.set(name, value);
    else {
      const suggestion = nearest(name, known);
      issues.push({
        code: 'UnsupportedElement',
        path: `${path}.${name}`,
        message: `there is no element ${JSON.stringify(name)} here; there are ${known.join(', ')}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    }
  }
  return elements;
}

function textOf(
  node: JsonNode | undefined,
  element: string,
  path: string,
  { issues }: Pick<DocumentContext, 'issues'>,
): string | undefined {
  if (node === undefined || node.type === 'string') return node?.value;
  issues.push({ code: 'WrongType', path: `${path}.${element}`, message: `${element} must be a string` });
  return undefined;
}

function readStatement(node: JsonNode, context: Context): CompiledStatement | undefined {
  const { dialect, issues, path, kind } = context;
  const before = issues.length;
  if (node.type !== 'object') {
    issues.push({ code: 'WrongType', path, message: 'a statement is a JSON object' });
    return undefined;
  }
  const elements = elementsOf(node, STATEMENT_ELEMENTS, path, context);
  const sid = textOf(elements.get('Sid'), 'Sid', path, context);
  const effect = readEffect(textOf(elements.get('Effect'), 'Effect', path, context), path, issues);
  const actions = readList(elements, ['Action', 'NotAction'], true, context);
  const resources = readList(elements, ['Resource', 'NotResource'], kind !== 'bucket', context);
  checkShapes(actions, ACTION, 'UnknownAction', 'an action is "*" or service:Name, e.g. s3:GetObject', context);
  checkShapes(resources, /./s, 'InvalidResource', 'a resource is "*" or an ARN, e.g. arn:aws:s3:::bucket/*', context);
  const principals = readPrincipals(elements, context);
  const condition = elements.get('Condition');
  const conditions = condition === undefined ? [] : readConditions([condition], undefined, undefined, context);
  if (issues.length > before || effect === undefined || actions === undefined) return undefined;
  const rules = kind === 'bucket' ? dialect.bucketResource : dialect.identityResource;
  const compiledResources: readonly CompiledResource[] = (resources?.entries ?? []).map((entry) =>
    compileArnResource(entry, entry, rules),
  );
  return {
    ref: { policy: context.name, sid: sid === '' ? undefined : sid, index: context.index },
    effect,
    service: 's3',
    actions: compileActions(actions.entries, dialect.actions, { negated: actions.negated, implies: false }),
    resources: compiledResources,
    negatedResources: resources?.negated ?? false,
    resourceCounts: resources !== undefined,
    principals,
    conditions,
  };
}

interface List {
  readonly element: string;
  readonly entries: readonly string[];
  readonly negated: boolean;
}

/** One of two elements that exclude each other, as texts. */
function readList(
  elements: ReadonlyMap<string, JsonNode>,
  [name, negatedName]: readonly [string, string],
  required: boolean,
  { issues, path }: Context,
): List | undefined {
  const node = elements.get(name) ?? elements.get(negatedName);
  if (elements.has(name) && elements.has(negatedName)) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.${negatedName}`,
      message: `write ${name} or ${negatedName}, not both`,
    });
    return undefined;
  }
  if (node === undefined) {
    if (required)
      issues.push({ code: 'MissingElement', path: `${path}.${name}`, message: `a statement needs ${name}` });
    return undefined;
  }
  const element = elements.has(name) ? name : negatedName;
  const items = node.type === 'array' ? node.items : [node];
  const entries: string[] = [];
  for (const item of items) {
    if (item.type === 'string') entries.push(item.value);
    else {
      issues.push({
        code: 'WrongType',
        path: `${path}.${element}`,
        message: `${element} must be a string or a list of strings`,
      });
      return undefined;
    }
  }
  return { element, entries, negated: element === negatedName };
}

function checkShapes(
  list: List | undefined,
  shape: RegExp,
  code: 'UnknownAction' | 'InvalidResource',
  message: string,
  { issues, path }: Context,
): void {
  list?.entries.forEach((entry, i) => {
    if (!shape.test(entry)) {
      issues.push({ code, path: `${path}.${list.element}[${i}]`, message: `${message}, not ${JSON.stringify(entry)}` });
    }
  });
}

function readPrincipals(elements: ReadonlyMap<string, JsonNode>, context: Context): PrincipalTest | undefined {
  const { issues, path, kind } = context;
  const node = elements.get('Principal') ?? elements.get('NotPrincipal');
  const element = elements.has('Principal') ? 'Principal' : 'NotPrincipal';
  const issue = (message: string): undefined => {
    issues.push({ code: 'InvalidPrincipal', path: `${path}.${element}`, message });
    return undefined;
  };
  if (kind !== 'bucket') {
    const empty = node === undefined || (node.type === 'string' && node.value === '');
    return empty ? undefined : issue('an identity policy names no principal: it is attached to one');
  }
  if (elements.has('Principal') && elements.has('NotPrincipal')) {
    return issue('write Principal or NotPrincipal, not both');
  }
  if (node === undefined) return issue('a statement of a bucket policy needs a Principal or NotPrincipal');
  if (node.type === 'string') return accountPrincipals([node.value], element === 'NotPrincipal');
  if (node.type !== 'object')
    return issue('it must be "*" or an object, e.g. {"AWS": "arn:aws:iam::111122223333:root"}');
  const entries: string[] = [];
  for (const [type, value] of elementsOf(node, PRINCIPAL_TYPES, `${path}.${element}`, context)) {
    const items = value.type === 'array' ? value.items : [value];
    for (const item of items) {
      if (item.type !== 'string') return issue(`${type} must be a string or a list of strings`);
      if (type === 'AWS') entries.push(item.value);
    }
  }
  return accountPrincipals(entries, element === 'NotPrincipal');
}
