// StringEquals and its kin, and BinaryEquals: any value of the request against any value of the policy; the negated ones are the
// exact opposite.
import type { Dialect } from '../dialect/dialect.ts';
import { compileTemplate, type Filled, fillTemplate } from '../match/template.ts';
import { matchesWildcard } from '../match/wildcard.ts';
import { type ConditionOperator, compiled, refused } from './operator.ts';

type Compare = (policy: Filled, value: string, dialect: Dialect) => boolean;

const equals: Compare = (policy, value) => policy.pattern === value;
const equalsIgnoreCase: Compare = (policy, value, dialect) =>
  fold(policy.pattern, dialect.ignoreCase) === fold(value, dialect.ignoreCase);
const like: Compare = (policy, value, dialect) =>
  matchesWildcard(policy.pattern, value, dialect.questionMark, policy.literal);

function stringOperator(name: string, compare: Compare, negated: boolean): ConditionOperator {
  return {
    name,
    compile(values, { dialect, key, set, ifExists }) {
      if (!values.every((value) => typeof value === 'string')) return refused('takes strings');
      const problem = values
        .map((value) => closedValueProblem(key, value as string, name))
        .find((p) => p !== undefined);
      if (problem !== undefined) return refused(problem);
      const templates = values.map((value) => compileTemplate(value as string, dialect.variables));
      return compiled((present, lookup) => {
        if (present === undefined && ifExists) return true;
        const matchesOne = (value: string): boolean =>
          templates.some((template) =>
            compare(fillTemplate(template, lookup, dialect.literalVariables), value, dialect),
          );
        const holds = set === 'all' ? (present ?? []).every(matchesOne) : (present ?? []).some(matchesOne);
        return holds !== negated;
      });
    },
  };
}

/** Keys whose values are a closed list; wildcards are for the Like operators. */
function closedValueProblem(key: string, value: string, operator: string): string | undefined {
  if (key === 's3:x-amz-copy-source') {
    const [bucket = '', ...rest] = value.replace(/^\//, '').split('/');
    const valid = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && rest.join('/') !== '';
    return valid ? undefined : `takes "bucket/object", not ${JSON.stringify(value)}`;
  }
  if (operator === 'StringLike' || operator === 'StringNotLike') return undefined;
  const allowed = CLOSED_VALUES.get(key);
  if (allowed !== undefined && !allowed.includes(value))
    return `takes ${allowed.join(' or ')}, not ${JSON.stringify(value)}`;
  return key === 's3:x-amz-content-sha256' && value === '' ? 'takes a value that is not empty' : undefined;
}

const CLOSED_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ['s3:x-amz-server-side-encryption', ['AES256', 'aws:kms']],
  ['s3:x-amz-server-side-encryption-customer-algorithm', ['AES256']],
  ['s3:x-amz-metadata-directive', ['COPY', 'REPLACE']],
]);

function fold(text: string, kind: Dialect['ignoreCase']): string {
  // Upper-casing first joins the letters that share a capital (ſ and s, ς and σ); only one-to-one mappings count.
  return kind === 'lower' ? mapEach(text, lower) : mapEach(text, (c) => lower(upper(c)));
}
const lower = (c: string): string => single(c.toLowerCase(), c === '\u0130' ? 'i' : c);
const upper = (c: string): string => (c === '\u0131' || c === '\u0130' ? c : single(c.toUpperCase(), c));
const single = (mapped: string, otherwise: string): string => ([...mapped].length === 1 ? mapped : otherwise);
const mapEach = (text: string, map: (c: string) => string): string => Array.from(text, map).join('');

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const binaryEquals: ConditionOperator = {
  name: 'BinaryEquals',
  compile(values, { dialect, set, ifExists }) {
    const decoded: string[] = [];
    for (const value of values) {
      const text = typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined;
      if (text === undefined || !BASE64.test(text)) return refused('takes base64 text');
      decoded.push(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
    }
    const templates = decoded.map((text) => compileTemplate(text, dialect.variables));
    return compiled((present, lookup) => {
      if (present === undefined && ifExists) return true;
      const matchesOne = (value: string): boolean =>
        templates.some((t) => fillTemplate(t, lookup, dialect.literalVariables).pattern === value);
      return set === 'all' ? (present ?? []).every(matchesOne) : (present ?? []).some(matchesOne);
    });
  },
};

export const STRING_OPERATORS: readonly ConditionOperator[] = [
  stringOperator('StringEquals', equals, false),
  stringOperator('StringNotEquals', equals, true),
  stringOperator('StringEqualsIgnoreCase', equalsIgnoreCase, false),
  stringOperator('StringNotEqualsIgnoreCase', equalsIgnoreCase, true),
  stringOperator('StringLike', like, false),
  stringOperator('StringNotLike', like, true),
  binaryEquals,
];
