// Bool (on aws:SecureTransport) and Null.
import { type ConditionOperator, type ConditionValue, compiled, refused } from './operator.ts';

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function readBoolean(values: readonly ConditionValue[]): boolean | undefined {
  const [value] = values;
  if (values.length !== 1 || value === undefined) return undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  return TRUE.has(value) ? true : FALSE.has(value) ? false : undefined;
}

const bool: ConditionOperator = {
  name: 'Bool',
  compile(values, { key, ifExists }) {
    if (key !== 'aws:SecureTransport') return refused('goes with aws:SecureTransport only');
    if (readBoolean(values) === undefined) return refused('takes exactly one of true and false');
    // The value counts as it is written: only true and false ever match.
    const wanted = String(values[0]);
    return compiled((present) => (present === undefined ? ifExists : present[0] === wanted));
  },
};

const nullOperator: ConditionOperator = {
  name: 'Null',
  compile(values) {
    const wanted = readBoolean(values);
    if (wanted === undefined) return refused('takes exactly one of true and false');
    return compiled((present) => (present === undefined) === wanted);
  },
};

export const PRESENCE_OPERATORS: readonly ConditionOperator[] = [bool, nullOperator];
