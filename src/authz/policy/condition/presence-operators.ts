// Bool and Null.
import {
  type ConditionOperator,
  type ConditionValue,
  compiled,
  type OperatorOptions,
  overValues,
  refused,
} from './operator.ts';

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function readBoolean(value: ConditionValue | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  return TRUE.has(value) ? true : FALSE.has(value) ? false : undefined;
}

/** Nothing, `false` and zero are false; all else is true. */
function meaningOfAnyWord(text: string): boolean {
  return meaning(text) ?? !/^(nan)?$/i.test(text);
}

/** What a text means, in any case of letters. */
function meaning(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  if (lower === 'false') return false;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) !== 0 : undefined;
}

function byText(values: readonly ConditionValue[], options: OperatorOptions) {
  if (options.rules.boundToKeys && options.key !== 'aws:SecureTransport')
    return refused('goes with aws:SecureTransport only');
  if (values.length !== 1 || readBoolean(values[0]) === undefined)
    return refused('takes exactly one of true and false');
  // The value counts as it is written: only true and false ever match.
  const wanted = String(values[0]);
  return compiled((present) => (present === undefined ? options.ifExists : present[0] === wanted));
}

function byMeaning(values: readonly ConditionValue[], options: OperatorOptions) {
  const read = options.rules.bool === 'anyWordIsTrue' ? meaningOfAnyWord : meaning;
  const wanted = values.map((value) => read(String(value)));
  const matches = (value: string): boolean => {
    const asked = read(value);
    return asked !== undefined && wanted.includes(asked);
  };
  const test = overValues(matches, (value) => !matches(value), false, options);
  return compiled((present, evaluation) =>
    test(options.rules.orderedValues === 'first' ? present?.slice(0, 1) : present, evaluation),
  );
}

const bool: ConditionOperator = {
  name: 'Bool',
  compile: (values, options) => (options.rules.bool === 'text' ? byText(values, options) : byMeaning(values, options)),
};

const nullOperator: ConditionOperator = {
  name: 'Null',
  compile(values, { rules }) {
    if (rules.nullValue === 'ignored') return compiled((present) => present === undefined);
    if (rules.orderedPolicyValues === 'many') {
      const wanted = values.map((value) => meaning(String(value)));
      return compiled((present) => wanted.includes(present === undefined));
    }
    const wanted = values.length === 1 ? readBoolean(values[0]) : undefined;
    if (wanted === undefined) return refused('takes exactly one of true and false');
    return compiled((present) => (present === undefined) === wanted);
  },
};

export const PRESENCE_OPERATORS: readonly ConditionOperator[] = [bool, nullOperator];
