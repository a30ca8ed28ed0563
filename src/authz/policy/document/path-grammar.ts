// Documents about paths in buckets: names of elements match in any case, unknown ones are ignored, and of several of one name the
// last counts, while each is still checked.
import type { PathGrammar } from '../dialect/dialect.ts';
import { type ActionMatcher, compileActions } from '../match/action.ts';
import { accessKeyPrincipals, type PrincipalTest } from '../match/principal.ts';
import { type CompiledResource, compilePathResource } from '../match/resource.ts';
import type { CompiledStatement } from '../policy.ts';
import { type ActionEntries, readActions } from './actions.ts';
import { readConditions } from './conditions.ts';
import { readEffect } from './effect.ts';
import { Elements, membersOf, stringsOf } from './elements.ts';
import type { JsonMember, JsonNode } from './json-reader.ts';
import { MISSING_VERSION, type ReadDocument } from './parse-policy.ts';
import { checkBucketResources, resourcePattern } from './resources.ts';
import type { DocumentContext, StatementContext } from './statement-context.ts';

type Context = StatementContext<PathGrammar>;

const VERSION = '2012-10-17';

/** Reads a document; issues are added to the context. Undefined when it is no object. */
export function readPathDocument(
  root: JsonNode,
  grammar: PathGrammar,
  context: DocumentContext,
): ReadDocument | undefined {
  const { issues, kind } = context;
  if (root.type !== 'object' && root.type !== 'null') {
    issues.push({ code: 'WrongType', path: '$', message: 'a policy is a JSON object' });
    return undefined;
  }
  const elements = new Elements(membersOf(root));
  const version = elements.text('Version', '$', issues) ?? '';
  if (version !== '' && version !== VERSION) {
    issues.push({
      code: 'UnsupportedVersion',
      path: '$.Version',
      message: `Version must be "${VERSION}", not ${JSON.stringify(version)}`,
      suggestion: VERSION,
    });
  }
  if (version === '' && kind === 'session') issues.push(MISSING_VERSION);
  elements.text('Id', '$', issues);
  const lists = statementLists(elements.all('Statement'), grammar, context);
  const statements: CompiledStatement[] = [];
  // One context serves all statements, one after the other.
  const reading = { ...context, grammar, index: 0, path: '' };
  const matchers: Matchers = new Map();
  lists.forEach(({ members, path }, index) => {
    reading.index = index;
    reading.path = path;
    const statement = readStatement(new Elements(members), reading, matchers);
    if (statement !== undefined) statements.push(statement);
  });
  return { version, statementCount: lists.length, statements };
}

interface WrittenStatement {
  readonly members: readonly JsonMember[];
  readonly path: string;
}

/** The statements that count, out of one or several Statement elements. */
function statementLists(
  nodes: readonly JsonNode[],
  grammar: PathGrammar,
  context: DocumentContext,
): readonly WrittenStatement[] {
  const { issues, kind } = context;
  const replaced = kind === 'bucket' && grammar.repeatedBucketStatement === 'replaced';
  let current: readonly WrittenStatement[] = [];
  for (const node of nodes) {
    if (node.type === 'null') {
      current = [];
      continue;
    }
    const single = node.type === 'object' && grammar.singleStatement;
    if (node.type !== 'array' && !single) {
      issues.push({ code: 'WrongType', path: '$.Statement', message: 'Statement must be a list of statements' });
      continue;
    }
    const items = node.type === 'array' ? node.items : [node];
    const before = current;
    current = items.map((item, i): WrittenStatement => {
      const path = single ? '$.Statement' : `$.Statement[${i}]`;
      if (item.type !== 'object' && item.type !== 'null') {
        issues.push({ code: 'WrongType', path, message: 'a statement is a JSON object' });
      }
      return { members: [...(replaced ? [] : (before[i]?.members ?? [])), ...membersOf(item)], path };
    });
    // What is replaced is still checked.
    if (replaced && node !== nodes.at(-1)) {
      current.forEach(({ members, path }, index) => {
        readStatement(new Elements(members), { ...context, grammar, index, path }, new Map());
      });
    }
  }
  return current;
}

/** Reads and compiles one statement; undefined when there were issues. */
function readStatement(elements: Elements, context: Context, matchers: Matchers): CompiledStatement | undefined {
  const { grammar, issues, path, kind } = context;
  const before = issues.length;
  const sid = elements.text('Sid', path, issues);
  const effect = readEffect(elements.text('Effect', path, issues), path, issues);
  if (grammar.refusesNotPrincipal && elements.has('NotPrincipal')) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotPrincipal`,
      message: 'NotPrincipal is not part of this dialect; name principals with Principal and a Deny statement',
    });
  }
  const actions = readActionElement(elements, context);
  const resources = readResources(elements, actions, context);
  const principals = kind === 'bucket' ? readPrincipals(elements, context) : undefined;
  const conditions = readConditions(
    elements.all('Condition'),
    actions === undefined ? undefined : (key) => actions.admits(key),
    keysOf(grammar),
    context,
  );
  if (issues.length > before || effect === undefined || actions === undefined || resources === undefined) {
    return undefined;
  }
  return {
    ref: { policy: context.name, sid: sid === '' ? undefined : sid, index: context.index },
    effect,
    service: actions.service,
    actions: matcherOf(actions, matchers, context),
    resources: resources.list,
    negatedResources: resources.negated,
    resourceCounts: actions.resourceCounts && resources.list.length > 0,
    principals,
    conditions,
  };
}

/** Matchers of one document, by their entries: statements often name the same actions. */
type Matchers = Map<string, ActionMatcher>;

function matcherOf({ entries, negated }: ActionEntries, matchers: Matchers, context: Context): ActionMatcher {
  const id = `${negated ? '!' : ''}${entries.join('\n')}`;
  let matcher = matchers.get(id);
  if (matcher === undefined) {
    const implies = context.kind !== 'bucket' || context.grammar.bucketActionImplies;
    matcher = compileActions(entries, context.dialect.actions, { negated, implies });
    matchers.set(id, matcher);
  }
  return matcher;
}

function readActionElement(elements: Elements, context: Context): ActionEntries | undefined {
  const { grammar, issues, path, kind } = context;
  // Bucket policies of exact names check each occurrence, the others the types alone.
  const nodes = elements.all('Action');
  const list = (node: JsonNode, element: string): string[] | undefined => {
    const strings = stringsOf(node);
    if (strings === undefined) {
      issues.push({
        code: 'WrongType',
        path: `${path}.${element}`,
        message: `${element} must be a string or a list of at least one string`,
      });
    }
    return strings;
  };
  for (const node of nodes.slice(0, -1)) {
    const earlier = node.type === 'null' ? undefined : list(node, 'Action');
    if (earlier !== undefined && kind === 'bucket' && grammar.bucketActionNames === 'exact') {
      readActions(earlier, false, 'Action', context);
    }
  }
  const action = elements.last('Action');
  const notAction = grammar.notAction ? elements.last('NotAction') : undefined;
  if (action !== undefined && notAction !== undefined) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotAction`,
      message: 'write Action or NotAction, not both',
    });
    return undefined;
  }
  const node = action ?? notAction;
  if (node === undefined) {
    issues.push({ code: 'MissingElement', path: `${path}.Action`, message: 'a statement needs an Action' });
    return undefined;
  }
  const element = action === undefined ? 'NotAction' : 'Action';
  if (element === 'NotAction' && kind === 'bucket' && context.strict === true && !grammar.bucketNotActionStorable) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotAction`,
      message: 'a bucket policy that is to be stored needs Action, not NotAction',
    });
    return undefined;
  }
  const entries = list(node, element);
  return entries === undefined ? undefined : readActions(entries, element === 'NotAction', element, context);
}

interface ReadResources {
  readonly list: readonly CompiledResource[];
  readonly negated: boolean;
}

function readResources(
  elements: Elements,
  actions: ActionEntries | undefined,
  context: Context,
): ReadResources | undefined {
  const { grammar, issues, path, kind, fresh } = context;
  const service = actions?.service ?? 's3';
  const resource = elements.last('Resource');
  const notResource = grammar.notResource ? elements.last('NotResource') : undefined;
  const both = resource !== undefined && notResource !== undefined;
  if (both && (service === 's3' || service === 'kms' || kind === 'bucket' || (fresh === true && service === 'admin'))) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotResource`,
      message: 'write Resource or NotResource, not both',
    });
    return undefined;
  }
  const read = (node: JsonNode, element: string): readonly { source: string; pattern: string }[] | undefined => {
    const entries = stringsOf(node);
    if (entries === undefined) {
      issues.push({
        code: 'WrongType',
        path: `${path}.${element}`,
        message: `${element} must be a string or a list of at least one string`,
      });
      return undefined;
    }
    const patterns: { source: string; pattern: string }[] = [];
    entries.forEach((source, i) => {
      const pattern = resourcePattern(source, service, actions?.bucketScoped === true, context);
      if (pattern === undefined) issues.push(invalidResource(source, `${path}.${element}[${i}]`));
      else patterns.push({ source, pattern });
    });
    return patterns;
  };
  for (const node of elements.all('Resource').slice(0, -1)) if (node.type !== 'null') read(node, 'Resource');
  const negated = resource === undefined && notResource !== undefined;
  if (both && notResource !== undefined) read(notResource, 'NotResource');
  const element = negated ? 'NotResource' : 'Resource';
  const node = resource ?? notResource;
  if (node === undefined || (node.type === 'array' && node.items.length === 0)) {
    if (actions === undefined || (service !== 's3' && kind !== 'bucket')) return { list: [], negated: false };
    issues.push({
      code: 'MissingElement',
      path: `${path}.Resource`,
      message: 'a statement on S3 actions needs a Resource',
    });
    return undefined;
  }
  const patterns = read(node, element);
  if (patterns === undefined) return undefined;
  if (kind === 'bucket' && actions !== undefined) {
    checkBucketResources(
      patterns.map(({ pattern }) => pattern),
      actions,
      element,
      context,
    );
  }
  const rules = kind === 'bucket' ? context.dialect.bucketResource : context.dialect.identityResource;
  return { list: patterns.map(({ source, pattern }) => compilePathResource(source, pattern, rules)), negated };
}

function invalidResource(source: string, path: string) {
  const suggestion = suggestedResource(source);
  return {
    code: 'InvalidResource' as const,
    path,
    message: `${JSON.stringify(source)} is not a resource; write arn:aws:s3:::bucket or arn:aws:s3:::bucket/key, wildcards allowed`,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

/** The ARN that a text was likely meant to be. */
function suggestedResource(source: string): string | undefined {
  const arn = /^\s*arn:[^:]*:s3:[^:]*:[^:]*:\/*(.+)$/i.exec(source)?.[1];
  if (arn !== undefined) return `arn:aws:s3:::${arn}`;
  if (/^[a-z0-9][a-z0-9.*?-]*(\/.*)?$/.test(source)) return `arn:aws:s3:::${source}`;
  return source === '*' ? 'arn:aws:s3:::*' : undefined;
}

function readPrincipals(elements: Elements, context: Context): PrincipalTest | undefined {
  const { grammar, dialect, issues, path } = context;
  const nodes = elements.all('Principal').filter(({ type }) => type !== 'null');
  if (nodes.length === 0) {
    issues.push({
      code: 'InvalidPrincipal',
      path: `${path}.Principal`,
      message: 'a statement of a bucket policy needs a Principal: "*", or {"AWS": ["NAME"]}',
    });
    return undefined;
  }
  let entries: readonly string[] | undefined;
  for (const node of nodes) entries = readPrincipal(node, context);
  return entries === undefined
    ? undefined
    : accessKeyPrincipals(entries, {
        arns: grammar.principalArns,
        nameUsedUp: grammar.nameUsedUp,
        questionMark: dialect.bucketResource.questionMark,
      });
}

function readPrincipal(node: JsonNode, { grammar, issues, path }: Context): readonly string[] | undefined {
  const issue = (message: string): undefined => {
    issues.push({ code: 'InvalidPrincipal', path: `${path}.Principal`, message });
    return undefined;
  };
  if (node.type === 'string') {
    return node.value === '*' ? ['*'] : issue(`a text Principal can only be "*", not ${JSON.stringify(node.value)}`);
  }
  if (node.type !== 'object') return issue('Principal must be "*" or {"AWS": …}');
  const aws = new Elements(node.members).last('AWS');
  if (aws === undefined) return issue('Principal must name users under "AWS", as a string or a list of strings');
  const items = aws.type === 'array' ? aws.items : [aws];
  const entries: string[] = [];
  for (const item of items) {
    if (item.type === 'string') entries.push(item.value);
    else if (!grammar.principalsFromOthers) return issue('the users under "AWS" must be strings');
    else if (item.type === 'number') entries.push(item.text);
    else if (item.type === 'true' || item.type === 'false') entries.push(item.type);
  }
  return items.length === 0 ? issue('the list of users under "AWS" is empty') : entries;
}

const KEYS = new WeakMap<PathGrammar, ReadonlySet<string>>();

/** Every condition key of the grammar. */
function keysOf(grammar: PathGrammar): ReadonlySet<string> {
  const cached = KEYS.get(grammar);
  if (cached !== undefined) return cached;
  const keys = new Set([...grammar.commonKeys, ...grammar.adminKeys]);
  if (grammar.services.has('sts')) keys.add('sts:DurationSeconds');
  for (const table of [grammar.identityActions, grammar.bucketActions]) {
    for (const extra of Object.values(table)) if (extra !== 'none') for (const key of extra) keys.add(key);
  }
  KEYS.set(grammar, keys);
  return keys;
}
