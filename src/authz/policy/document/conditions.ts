// Condition: operator → key → values, each read by its operator and held against the actions.

import type { ConditionRules } from '../condition/condition-rules.ts';
import { keyRef } from '../condition/evaluation.ts';
import type { CompiledTest, ConditionValue } from '../condition/operator.ts';
import { findOperator, OPERATOR_NAMES } from '../condition/operators.ts';
import type { Dialect } from '../dialect/dialect.ts';
import { DOCUMENTED_KEYS } from '../dialect/documented-names.ts';
import type { CompiledCondition } from '../policy.ts';
import { membersOf } from './elements.ts';
import type { JsonNode } from './json-reader.ts';
import { nearest, type PolicyIssue } from './policy-issue.ts';

interface Context {
  readonly dialect: Dialect;
  readonly compiled: CompiledConditions;
  readonly issues: PolicyIssue[];
  /** JSON path of the statement. */
  readonly path: string;
}

/**
 * The conditions of one document by what is written: statements often repeat them, and one that is shared is likelier to be in the
 * processor's cache when a decision comes to it.
 */
export type CompiledConditions = Map<string, CompiledCondition>;

function conditionId(operator: string, key: string, values: readonly ConditionValue[]): string {
  const written = values.map((value) => (typeof value === 'bigint' ? { whole: String(value) } : value));
  return JSON.stringify([operator, key, written]);
}

/** Whether the actions of the statement admit a key; undefined where they are not known. */
export type KeyAdmission = ((key: string) => boolean) | undefined;

/** Reads all occurrences of the element; the last counts. `keys`: the keys there are; undefined: any. */
export function readConditions(
  nodes: readonly JsonNode[],
  admits: KeyAdmission,
  keys: ReadonlySet<string> | undefined,
  context: Context,
): readonly CompiledCondition[] {
  let conditions: readonly CompiledCondition[] = [];
  for (const node of nodes) conditions = readCondition(node, admits, keys, context);
  return conditions;
}

/** The last of several members of one name, where it first stood. */
function lastOfName(node: JsonNode): ReadonlyMap<string, JsonNode> {
  return new Map(membersOf(node).map(({ name, value }) => [name, value]));
}

function readCondition(
  node: JsonNode,
  admits: KeyAdmission,
  known: ReadonlySet<string> | undefined,
  context: Context,
): readonly CompiledCondition[] {
  const { dialect, issues } = context;
  const path = `${context.path}.Condition`;
  if (node.type !== 'object' || node.members.length === 0) {
    issues.push({ code: 'WrongType', path, message: 'Condition must be an object with at least one operator' });
    return [];
  }
  // Every occurrence must be well-formed, even one that does not count.
  for (const { name, value } of node.members) checkShape(value, `${path}.${name}`, context);
  const conditions: CompiledCondition[] = [];
  for (const [operatorName, written] of lastOfName(node)) {
    const operatorPath = `${path}.${operatorName}`;
    const named = findOperator(operatorName, dialect.conditions);
    if (
      named === undefined &&
      dialect.conditions.unknownOperator === 'fault' &&
      operatorName !== '' &&
      OPERATOR_SHAPE.test(operatorName)
    ) {
      for (const [key] of lastOfName(written)) {
        conditions.push({ operator: operatorName, key: keyRef(key, dialect.naming), wanted: [], test: UNDECIDABLE });
      }
      continue;
    }
    if (named === undefined) {
      issues.push(unknownOperator(operatorName, operatorPath, dialect.conditions));
      continue;
    }
    for (const [writtenKey, value] of lastOfName(written)) {
      const ref = keyRef(writtenKey, dialect.naming);
      const key = ref.name;
      const keyPath = `${operatorPath}.${writtenKey}`;
      const base = key.split('/', 1)[0] as string;
      const isKnown = known === undefined || known.has(key) || (keySuffixes(dialect) && known.has(base));
      if (!isKnown || (admits !== undefined && !admits(key))) {
        issues.push(unknownKey(key, keyPath, isKnown, known));
        continue;
      }
      const values = readValues(value, dialect.conditions);
      if (typeof values === 'string') continue;
      const id = conditionId(operatorName, key, values);
      const same = context.compiled.get(id);
      if (same !== undefined) {
        conditions.push(same);
        continue;
      }
      const compiled = named.operator.compile(values, {
        rules: dialect.conditions,
        variables: dialect.variables,
        naming: dialect.naming,
        questionMark: dialect.identityResource.questionMark,
        key,
        set: named.set,
        ifExists: named.ifExists,
      });
      if (!compiled.ok) {
        issues.push({
          code: 'InvalidConditionValue',
          path: keyPath,
          message: `${operatorName} on ${key} ${compiled.problem}`,
        });
        continue;
      }
      const condition = {
        operator: operatorName,
        key: ref,
        wanted: values.map(String),
        test: compiled.test,
      };
      context.compiled.set(id, condition);
      conditions.push(condition);
    }
  }
  return conditions;
}

/** What an operator of a dialect that takes any looks like. */
const OPERATOR_SHAPE = /^((ForAllValues|ForAnyValue):)?[a-z]*$/i;
/** What an unknown operator says cannot be told, and so refuses. */
const UNDECIDABLE: CompiledTest = { mayFault: true, test: () => 'fault' };

function keySuffixes({ grammar }: Dialect): boolean {
  return grammar.kind !== 'path' || grammar.keySuffixes;
}

function checkShape(node: JsonNode, path: string, { dialect, issues }: Context): void {
  if (node.type === 'null' && dialect.conditions.valueTypes.nullIsFalse) return;
  if (node.type !== 'object') {
    issues.push({ code: 'WrongType', path, message: 'an operator takes an object of condition keys' });
    return;
  }
  for (const { name, value } of node.members) {
    const values = readValues(value, dialect.conditions);
    if (typeof values === 'string') {
      issues.push({ code: 'InvalidConditionValue', path: `${path}.${name}`, message: `${name} ${values}` });
    }
  }
}

function unknownOperator(written: string, path: string, rules: ConditionRules): PolicyIssue {
  const there = OPERATOR_NAMES.filter((name) => rules.operators.has(name));
  const bare = written.trim().replace(/^(ForAllValues|ForAnyValue):/i, '');
  const suggestion = nearest(bare, there) ?? nearest(bare.replace(/IfExists$/i, ''), there);
  return {
    code: 'UnknownOperator',
    path,
    message: `${JSON.stringify(written)} is not a condition operator here${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

/** Spellings of documentation that are other keys here. */
const OTHER_SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...DOCUMENTED_KEYS,
  ['aws:usernames', 'aws:username'],
  ['s3:versionId', 's3:versionid'],
]);

/** The key that a name was likely meant to be. */
export function suggestedKey(name: string, known: Iterable<string>): string | undefined {
  return OTHER_SPELLINGS.get(name) ?? OTHER_SPELLINGS.get(name.toLowerCase()) ?? nearest(name, known);
}

function unknownKey(key: string, path: string, isKnown: boolean, known: ReadonlySet<string> | undefined): PolicyIssue {
  const suggestion = isKnown ? undefined : suggestedKey(key, known ?? []);
  return {
    code: 'UnknownConditionKey',
    path,
    message: isKnown
      ? `the condition key ${JSON.stringify(key)} does not go with all actions of the statement`
      : `${JSON.stringify(key)} is not a condition key here${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

const INT64_MAX = 2n ** 63n - 1n;

/** The values, or what is wrong with them. */
function readValues(node: JsonNode, { valueTypes }: ConditionRules): readonly ConditionValue[] | string {
  const items = node.type === 'array' ? node.items : [node];
  if (items.length === 0 && valueTypes.emptyList) return 'needs at least one value';
  const values: ConditionValue[] = [];
  for (const item of items) {
    const value = readValue(item, valueTypes);
    if (value === undefined) {
      return valueTypes.fractions ? 'takes strings, numbers and booleans' : 'takes strings, booleans and whole numbers';
    }
    values.push(value);
  }
  return !valueTypes.duplicates || new Set(values).size === values.length ? values : 'has the same value twice';
}

function readValue(node: JsonNode, types: ConditionRules['valueTypes']): ConditionValue | undefined {
  switch (node.type) {
    case 'string':
      return node.value;
    case 'true':
    case 'false':
      return types.booleans ? node.type === 'true' : undefined;
    case 'null':
      return types.nullIsFalse ? false : undefined;
    case 'number': {
      if (!/^-?\d+$/.test(node.text)) return types.fractions ? Number(node.text) : undefined;
      const whole = BigInt(node.text);
      return whole > INT64_MAX || whole < -INT64_MAX - 1n ? (types.fractions ? Number(node.text) : undefined) : whole;
    }
    default:
      return undefined;
  }
}
