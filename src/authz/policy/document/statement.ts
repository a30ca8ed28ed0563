// One statement: its elements, read and compiled, with an issue for whatever does not hold.
import { compileTemplate } from '../match/template.ts';
import type { CompiledResource, CompiledStatement } from '../policy.ts';
import { type ActionEntries, readActions } from './actions.ts';
import { readConditions } from './conditions.ts';
import { nearest } from './policy-issue.ts';
import { checkBucketResources, resourcePattern } from './resources.ts';
import type { StatementContext } from './statement-context.ts';

type Written = Readonly<Record<string, unknown>>;

/** A member by its name without regard to case, the last of several; null counts as absent. */
export function member(object: Written, name: string): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(object)) {
    if (key === name || key.toLowerCase() === name.toLowerCase()) found = value;
  }
  return found ?? undefined;
}

function has(object: Written, name: string): boolean {
  return Object.keys(object).some((key) => key.toLowerCase() === name.toLowerCase());
}

/** A string or a list of strings; undefined with an issue otherwise. */
function strings(value: unknown, element: string, context: StatementContext): string[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((item): item is string => typeof item === 'string')) return [...new Set(list)];
  context.issues.push({
    code: 'WrongType',
    path: `${context.path}.${element}`,
    message: `${element} must be a string or a list of at least one string`,
  });
  return undefined;
}

/** Reads and compiles one statement; undefined when there were issues. */
export function readStatement(written: Written, context: StatementContext): CompiledStatement | undefined {
  const { dialect, issues, path } = context;
  const before = issues.length;
  const sid = member(written, 'Sid');
  if (sid !== undefined && typeof sid !== 'string') {
    issues.push({ code: 'WrongType', path: `${path}.Sid`, message: 'Sid must be a string' });
  }
  const effect = member(written, 'Effect');
  if (effect !== 'Allow' && effect !== 'Deny') {
    const suggestion = typeof effect === 'string' ? nearest(effect, ['Allow', 'Deny']) : undefined;
    issues.push({
      code: 'InvalidEffect',
      path: `${path}.Effect`,
      message: 'Effect must be "Allow" or "Deny"',
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
  if (dialect.refusesNotPrincipal && has(written, 'NotPrincipal')) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotPrincipal`,
      message: 'NotPrincipal is not part of this dialect; name principals with Principal and a Deny statement',
    });
  }
  const actions = readActionElement(written, context);
  const resources = readResources(written, actions, context);
  const principals = context.kind === 'bucket' ? readPrincipals(written, context) : undefined;
  const conditions = has(written, 'Condition') ? readConditions(rawMember(written, 'Condition'), actions, context) : [];
  if (issues.length > before || actions === undefined || resources === undefined) return undefined;
  return {
    ref: { policy: context.name, sid: typeof sid === 'string' && sid !== '' ? sid : undefined, index: context.index },
    effect: effect as 'Allow' | 'Deny',
    service: actions.service,
    actions: actions.entries,
    negatedActions: actions.negated,
    resources: resources.list,
    negatedResources: resources.negated,
    resourceCounts: actions.resourceCounts && resources.list.length > 0,
    principals,
    conditions,
  };
}

function rawMember(object: Written, name: string): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(object)) if (key.toLowerCase() === name.toLowerCase()) found = value;
  return found;
}

function readActionElement(written: Written, context: StatementContext): ActionEntries | undefined {
  const { dialect, issues, path } = context;
  const action = member(written, 'Action');
  const notAction = dialect.notAction ? member(written, 'NotAction') : undefined;
  if (action !== undefined && notAction !== undefined) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotAction`,
      message: 'write Action or NotAction, not both',
    });
    return undefined;
  }
  if (action === undefined && notAction === undefined) {
    issues.push({ code: 'MissingElement', path: `${path}.Action`, message: 'a statement needs an Action' });
    return undefined;
  }
  const element = action === undefined ? 'NotAction' : 'Action';
  const entries = strings(action ?? notAction, element, context);
  return entries === undefined ? undefined : readActions(entries, element === 'NotAction', element, context);
}

function readResources(
  written: Written,
  actions: ActionEntries | undefined,
  context: StatementContext,
): { list: CompiledResource[]; negated: boolean } | undefined {
  const { dialect, issues, path } = context;
  const resource = member(written, 'Resource');
  const notResource = dialect.notResource ? member(written, 'NotResource') : undefined;
  if (resource !== undefined && notResource !== undefined) {
    issues.push({
      code: 'UnsupportedElement',
      path: `${path}.NotResource`,
      message: 'write Resource or NotResource, not both',
    });
    return undefined;
  }
  const negated = resource === undefined && notResource !== undefined;
  const element = negated ? 'NotResource' : 'Resource';
  const value = resource ?? notResource;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) {
    if (actions === undefined || (actions.service !== 's3' && context.kind !== 'bucket'))
      return { list: [], negated: false };
    issues.push({
      code: 'MissingElement',
      path: `${path}.Resource`,
      message: 'a statement on S3 actions needs a Resource',
    });
    return undefined;
  }
  const entries = strings(value, element, context);
  if (entries === undefined) return undefined;
  const list: CompiledResource[] = [];
  entries.forEach((entry, i) => {
    const pattern = resourcePattern(entry, dialect, actions?.service ?? 's3');
    if (pattern === undefined) {
      issues.push({
        code: 'InvalidResource',
        path: `${path}.${element}[${i}]`,
        message: `${JSON.stringify(entry)} is not a resource; write arn:aws:s3:::bucket or arn:aws:s3:::bucket/key, wildcards allowed`,
      });
    } else {
      list.push({ template: compileTemplate(pattern, dialect.variables), source: entry });
    }
  });
  if (context.kind === 'bucket' && actions !== undefined) {
    checkBucketResources(
      list.map((r) => r.template.source),
      actions,
      element,
      context,
    );
  }
  return { list, negated };
}

function readPrincipals(written: Written, context: StatementContext): readonly string[] | undefined {
  const principal = member(written, 'Principal');
  const issue = (message: string): undefined => {
    context.issues.push({ code: 'InvalidPrincipal', path: `${context.path}.Principal`, message });
    return undefined;
  };
  if (principal === undefined) return issue('a statement of a bucket policy needs a Principal');
  if (principal === '*') return ['*'];
  if (typeof principal !== 'object' || principal === null || Array.isArray(principal)) {
    return issue('Principal must be "*" or {"AWS": …}');
  }
  const aws = member(principal as Written, 'AWS');
  const list = Array.isArray(aws) ? aws : [aws];
  if (aws === undefined || list.length === 0 || !list.every((item): item is string => typeof item === 'string')) {
    return issue('Principal must name users under "AWS", as a string or a list of strings');
  }
  return list;
}
