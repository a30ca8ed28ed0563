// StringEquals and its kin, the Arn operators and BinaryEquals: values of the request against values of the policy, as text.
import { compileTemplate, fillText, matchesTemplate, type Template } from '../match/template.ts';
import { Pattern } from '../match/wildcard.ts';
import type { ConditionRules } from './condition-rules.ts';
import type { Evaluation } from './evaluation.ts';
import { keyRef } from './evaluation.ts';
import {
  type CompiledTest,
  type ConditionOperator,
  compiled,
  type OperatorOptions,
  overValues,
  refused,
  type ValueMatch,
} from './operator.ts';

/** How one policy value is held against one value of the request. */
type Kind = 'equals' | 'equalsIgnoreCase' | 'like' | 'arn';

interface Single {
  /** Undefined when the policy value cannot be made out. */
  matches(value: string, evaluation: Evaluation): boolean | undefined;
}

function single(source: string, kind: Kind, options: OperatorOptions): Single {
  const { rules, variables, naming, questionMark } = options;
  const template = compileTemplate(source, variables, naming, kind === 'like' || kind === 'arn');
  if (kind === 'arn') return arnSingle(source, template, options);
  if (template.fixed !== undefined) {
    const text = template.fixed.map((part) => part.text).join('');
    if (kind === 'equals') return { matches: (value) => value === text };
    if (kind === 'like') {
      const pattern = new Pattern(template.fixed, questionMark);
      return { matches: (value) => pattern.matches(value) };
    }
    const folded = fold(text, rules.ignoreCase);
    return { matches: (value) => value === text || fold(value, rules.ignoreCase) === folded };
  }
  if (kind === 'like') {
    return {
      matches(value, evaluation) {
        if (variables.absent === 'matchesNothing' && fillText(template, evaluation) === undefined) return undefined;
        return matchesTemplate(template, value, evaluation, questionMark);
      },
    };
  }
  return {
    matches(value, evaluation) {
      const text = fillText(template, evaluation);
      if (text === undefined) return undefined;
      return kind === 'equals' ? value === text : fold(value, rules.ignoreCase) === fold(text, rules.ignoreCase);
    },
  };
}

/** ARNs are matched section by section: a wildcard stays between its colons, but for the last section. */
function arnSingle(source: string, template: Template, { naming, variables, questionMark }: OperatorOptions): Single {
  const sections = splitArn(source);
  if (sections === undefined) return { matches: (value) => (source === '*' ? true : value === source) };
  const templates = sections.map((section) => compileTemplate(section, variables, naming));
  return {
    matches(value, evaluation) {
      if (template.fixed === undefined && fillText(template, evaluation) === undefined) return undefined;
      const given = splitArn(value);
      return (
        given?.length === templates.length &&
        templates.every((section, i) => matchesTemplate(section, given[i] as string, evaluation, questionMark))
      );
    },
  };
}

/** Up to six sections; the last holds any further colons. Undefined for a text without colons. A variable is never cut. */
export function splitArn(text: string): readonly string[] | undefined {
  const sections: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length && sections.length < 5; i++) {
    if (text[i] === '$' && text[i + 1] === '{') {
      const close = text.indexOf('}', i);
      if (close === -1) continue;
      i = close;
    } else if (text[i] === ':') {
      sections.push(text.slice(from, i));
      from = i + 1;
    }
  }
  if (sections.length === 0) return undefined;
  sections.push(text.slice(from));
  return sections;
}

function textOperator(name: string, kind: Kind, negated: boolean): ConditionOperator {
  return {
    name,
    compile(values, options) {
      const { rules, key } = options;
      const texts: string[] = [];
      for (const value of values) {
        if (typeof value !== 'string' && !rules.valueTypes.stringsFromOthers) return refused('takes strings');
        texts.push(String(value));
      }
      for (const text of texts) {
        const problem = closedValueProblem(key, text, kind, rules);
        if (problem !== undefined) return refused(problem);
      }
      if (rules.wholeVariables) return compileWhole(texts, kind, negated, options);
      const singles = texts.map((text) => single(text, kind, options));
      return compiled(overValues(anyMatch(singles), anyDiffers(singles), negated, options));
    },
  };
}

function anyMatch(singles: readonly Single[]): ValueMatch {
  const [only] = singles;
  if (singles.length === 1 && only !== undefined) return (value, evaluation) => only.matches(value, evaluation);
  return (value, evaluation) => {
    let unclear = false;
    for (const one of singles) {
      const match = one.matches(value, evaluation);
      if (match === true) return true;
      if (match === undefined) unclear = true;
    }
    return unclear ? undefined : false;
  };
}

function anyDiffers(singles: readonly Single[]): ValueMatch {
  return (value, evaluation) => singles.some((one) => one.matches(value, evaluation) === false);
}

const WHOLE_VARIABLE = /^\$\{([^{}]+)\}$/;

/** Values of which the last, when it is a variable, stands for all values of that key. */
function compileWhole(texts: readonly string[], kind: Kind, negated: boolean, options: OperatorOptions) {
  for (const text of texts) {
    if (text.startsWith('$') && !WHOLE_VARIABLE.test(text)) {
      return refused(`takes a variable as the whole value, e.g. "\${aws:username}", not ${JSON.stringify(text)}`);
    }
  }
  const test = (list: readonly string[]): CompiledTest['test'] => {
    const singles = list.map((text) => single(text, kind, options));
    return overValues(anyMatch(singles), anyDiffers(singles), negated, options);
  };
  if (!texts.some((text) => WHOLE_VARIABLE.test(text))) return compiled(test(texts));
  // Of several values the last one is the variable, and stands for all.
  const ref = keyRef(WHOLE_VARIABLE.exec(texts.at(-1) ?? '')?.[1] ?? '', options.naming);
  return compiled((values, evaluation) => test(evaluation.variable(ref) ?? [])(values, evaluation));
}

/** Keys whose values are a closed list; wildcards are for the Like operators. */
function closedValueProblem(key: string, value: string, kind: Kind, { closedValues }: ConditionRules) {
  if (closedValues === undefined) return undefined;
  if (key === 's3:x-amz-copy-source') {
    const [bucket = '', ...rest] = value.replace(/^\//, '').split('/');
    const valid = isBucketName(bucket) && rest.join('/') !== '';
    return valid ? undefined : `takes "bucket/object", not ${JSON.stringify(value)}`;
  }
  if (kind === 'like') return undefined;
  const allowed = closedValues.get(key);
  if (allowed !== undefined && !allowed.includes(value))
    return `takes ${allowed.join(' or ')}, not ${JSON.stringify(value)}`;
  return key === 's3:x-amz-content-sha256' && value === '' ? 'takes a value that is not empty' : undefined;
}

function isBucketName(name: string): boolean {
  return (
    /^[A-Za-z0-9][A-Za-z0-9._:-]{1,61}[A-Za-z0-9]$/.test(name) &&
    !/\.\.|\.-|-\./.test(name) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  );
}

/** Letters that differ in case only become one. */
export function fold(text: string, kind: ConditionRules['ignoreCase']): string {
  // Upper-casing first joins the letters that share a capital (ſ and s, ς and σ); only one-to-one mappings count.
  return kind === 'lower' ? mapEach(text, lower) : mapEach(text, (c) => lower(upper(c)));
}
const lower = (c: string): string => one(c.toLowerCase(), c === '\u0130' ? 'i' : c);
const upper = (c: string): string => (c === '\u0131' || c === '\u0130' ? c : one(c.toUpperCase(), c));
const one = (mapped: string, otherwise: string): string => ([...mapped].length === 1 ? mapped : otherwise);
function mapEach(text: string, map: (c: string) => string): string {
  // ASCII has one-to-one mappings, all the same.
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) return Array.from(text, map).join('');
  }
  return text.toLowerCase();
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const binaryEquals: ConditionOperator = {
  name: 'BinaryEquals',
  compile(values, options) {
    const { rules, variables, naming, key } = options;
    const decoded: string[] = [];
    for (const value of values) {
      const text = typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined;
      if (text !== undefined && BASE64.test(text)) {
        decoded.push(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
      } else if (rules.malformedPolicyValue === 'refused') return refused('takes base64 text');
    }
    for (const text of decoded) {
      const problem = closedValueProblem(key, text, 'equals', rules);
      if (problem !== undefined) return refused(problem);
    }
    if (rules.malformedPolicyValue === 'refused') {
      const templates = decoded.map((text) => compileTemplate(text, variables, naming, false));
      const matches: ValueMatch = (value, evaluation) => templates.some((t) => fillText(t, evaluation) === value);
      return compiled(overValues(matches, (value, evaluation) => !matches(value, evaluation), false, options));
    }
    const matches: ValueMatch = (value) => {
      const text = value.replace(/[\r\n]/g, '');
      if (!BASE64.test(text)) return false;
      return decoded.includes(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
    };
    return compiled(overValues(matches, (value, evaluation) => !matches(value, evaluation), false, options));
  },
};

export const STRING_OPERATORS: readonly ConditionOperator[] = [
  textOperator('StringEquals', 'equals', false),
  textOperator('StringNotEquals', 'equals', true),
  textOperator('StringEqualsIgnoreCase', 'equalsIgnoreCase', false),
  textOperator('StringNotEqualsIgnoreCase', 'equalsIgnoreCase', true),
  textOperator('StringLike', 'like', false),
  textOperator('StringNotLike', 'like', true),
  textOperator('ArnEquals', 'arn', false),
  textOperator('ArnLike', 'arn', false),
  textOperator('ArnNotEquals', 'arn', true),
  textOperator('ArnNotLike', 'arn', true),
  binaryEquals,
];
