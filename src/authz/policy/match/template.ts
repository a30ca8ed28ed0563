// Text with policy variables (`home/${aws:username}/*`), read once and filled in for each request.
import type { Evaluation, KeyNaming, KeyRef } from '../condition/evaluation.ts';
import { keyRef } from '../condition/evaluation.ts';
import { matchesWildcard, Pattern, type PatternPart, type QuestionMark } from './wildcard.ts';

/** The rules for variables in one kind of place. */
export interface VariableRules {
  /** Names that are variables, in the order in which they are replaced; 'any': every condition key's. */
  readonly names: readonly string[] | 'any';
  /** What was filled in can itself be filled in, when its turn comes later. */
  readonly chained: boolean;
  /** What is filled in is literal text: its '*' and '?' match themselves. */
  readonly literal: boolean;
  /** A variable that cannot be filled in: it stays as it is written, or the text matches nothing. */
  readonly absent: 'asWritten' | 'matchesNothing';
  /** `${key, 'default'}` fills in a default. */
  readonly defaults: boolean;
  /** `${*}`, `${?}` and `${$}` stand for the characters. */
  readonly escapes: boolean;
  /** A key with several values cannot be filled in; else its first value counts. */
  readonly singleValue: boolean;
  /** A `${` is read up to the next `}`, whatever stands between. */
  readonly toNextBrace: boolean;
}

type Part =
  | PatternPart
  | { readonly variable: KeyRef; readonly written: string; readonly fallback: string | undefined };

export interface Template {
  readonly source: string;
  /** What it is when nothing has to be filled in; undefined otherwise. */
  readonly fixed: readonly PatternPart[] | undefined;
  readonly parts: readonly Part[];
  readonly rules: VariableRules;
  readonly chain: readonly KeyRef[];
  /** Braces remain that could become variables in the course of chaining. */
  readonly nested: boolean;
  /** The text after the last variable, when there is no wildcard but a star at its very end, if that; undefined otherwise. */
  readonly ending: { readonly text: string; readonly star: boolean } | undefined;
}

const VARIABLE_NAMES = new WeakMap<VariableRules, ReadonlyMap<string, KeyRef>>();

function namesOf(rules: VariableRules, naming: KeyNaming): ReadonlyMap<string, KeyRef> | undefined {
  if (rules.names === 'any') return undefined;
  let names = VARIABLE_NAMES.get(rules);
  if (names === undefined) {
    names = new Map(rules.names.map((name) => [name, keyRef(name, naming)]));
    VARIABLE_NAMES.set(rules, names);
  }
  return names;
}

/** Reads a text. `escapes` false: the text is compared, not matched, and `${*}` is nothing special. */
export function compileTemplate(source: string, rules: VariableRules, naming: KeyNaming, escapes = true): Template {
  const plain = (): Template => {
    const parts = [{ text: source, literal: false }];
    return { source, fixed: parts, parts, rules, chain: [], nested: false, ending: undefined };
  };
  if (!source.includes('${')) return plain();
  const names = namesOf(rules, naming);
  const parts: Part[] = [];
  let at = 0;
  let variables = false;
  let nested = false;
  while (at < source.length) {
    const open = source.indexOf('${', at);
    const close = open === -1 ? -1 : source.indexOf('}', open);
    if (close === -1) break;
    const inside = source.slice(open + 2, close);
    const part = readVariable(inside, source.slice(open, close + 1), rules, names, naming, escapes);
    if (part === undefined) {
      const end = rules.toNextBrace ? close + 1 : open + 2;
      parts.push({ text: source.slice(at, end), literal: false });
      nested = true;
      at = end;
      continue;
    }
    if (open > at) parts.push({ text: source.slice(at, open), literal: false });
    parts.push(part);
    if ('variable' in part) variables = true;
    at = close + 1;
  }
  if (at < source.length) parts.push({ text: source.slice(at), literal: false });
  if (!variables) return { ...plain(), fixed: parts as readonly PatternPart[], parts };
  const chain = names === undefined ? [] : [...names.values()];
  return { source, fixed: undefined, parts, rules, chain, nested, ending: nested ? undefined : endingOf(parts) };
}

function endingOf(parts: readonly Part[]): Template['ending'] {
  const last = parts.at(-1);
  const written = last !== undefined && 'text' in last ? last.text : '';
  const star = written.endsWith('*');
  const text = star ? written.slice(0, -1) : written;
  for (const part of parts) {
    if ('text' in part && (part.literal || WILDCARD.test(part === last ? text : part.text))) return undefined;
  }
  return { text, star };
}

const WILDCARD = /[*?]/;

function readVariable(
  inside: string,
  written: string,
  rules: VariableRules,
  names: ReadonlyMap<string, KeyRef> | undefined,
  naming: KeyNaming,
  escapes: boolean,
): Part | undefined {
  if (rules.escapes && (inside === '*' || inside === '?' || inside === '$')) {
    return escapes ? { text: inside, literal: true } : undefined;
  }
  let name = inside;
  let fallback: string | undefined;
  if (rules.defaults) {
    const comma = inside.indexOf(',');
    if (comma !== -1) {
      const quoted = inside.slice(comma + 1).trim();
      if (quoted.length < 2 || !quoted.startsWith("'") || !quoted.endsWith("'")) return undefined;
      name = inside.slice(0, comma).trim();
      fallback = quoted.slice(1, -1);
    }
  }
  const variable = names === undefined ? (name === '' ? undefined : keyRef(name, naming)) : names.get(name);
  return variable === undefined ? undefined : { variable, written, fallback };
}

/** What a template is for a request; undefined when it matches nothing. */
export function fillTemplate(template: Template, evaluation: Evaluation): readonly PatternPart[] | undefined {
  if (template.fixed !== undefined) return template.fixed;
  const { rules } = template;
  if (rules.chained && (template.nested || template.parts.some((part) => opensVariable(part, evaluation)))) {
    return [{ text: fillInTurn(template, evaluation), literal: false }];
  }
  const filled: PatternPart[] = [];
  for (const part of template.parts) {
    if ('text' in part) filled.push(part);
    else {
      const value = filledValue(part, rules, evaluation);
      if (value !== undefined) filled.push({ text: value, literal: rules.literal });
      else if (rules.absent === 'matchesNothing') return undefined;
      else filled.push({ text: part.written, literal: false });
    }
  }
  return filled;
}

/** The same as one text, for comparing; undefined when it equals nothing. */
export function fillText(template: Template, evaluation: Evaluation): string | undefined {
  const parts = fillTemplate(template, evaluation);
  if (parts === undefined) return undefined;
  let text = '';
  for (const part of parts) text += part.text;
  return text;
}

/** Matches a text against a template with wildcards that is not fixed. */
export function matchesTemplate(
  template: Template,
  text: string,
  evaluation: Evaluation,
  questionMark: QuestionMark,
): boolean {
  const inPlace = matchesInPlace(template, text, evaluation);
  if (inPlace !== undefined) return inPlace;
  const parts = fillTemplate(template, evaluation);
  if (parts === undefined || isLongerThan(parts, text.length)) return false;
  let pattern = '';
  for (const part of parts) {
    if (part.literal && /[*?]/.test(part.text)) return new Pattern(parts, questionMark).matches(text);
    pattern += part.text;
  }
  return matchesWildcard(pattern, text, questionMark);
}

/**
 * Whether the parts stand for more characters than a text has, wildcards left out: then they are not put together. Some kilobytes for a
 * variable that is written a thousand times would be megabytes.
 */
function isLongerThan(parts: readonly PatternPart[], length: number): boolean {
  let least = 0;
  for (const { text, literal } of parts) {
    if (literal) least += text.length;
    else {
      for (let i = 0; i < text.length && least <= length; i++) {
        const code = text.charCodeAt(i);
        if (code !== 42 && code !== 63) least++;
      }
    }
    if (least > length) return true;
  }
  return false;
}

/**
 * Compares part by part, filling nothing in: that is all there is to `home/${aws:username}/*` while the values are plain text.
 * Undefined when it takes more.
 */
function matchesInPlace(template: Template, text: string, evaluation: Evaluation): boolean | undefined {
  const { ending, parts, rules } = template;
  // What is not told has to be noted, whether it would match or not.
  if (ending === undefined || evaluation.request.unknownKeys !== undefined) return undefined;
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Part;
    let piece: string;
    if (!('text' in part)) {
      const value = filledValue(part, rules, evaluation);
      if (value === undefined || !isPlain(value)) return undefined;
      piece = value;
    } else piece = i === parts.length - 1 ? ending.text : part.text;
    if (!text.startsWith(piece, at)) return hasPlainValues(parts, i + 1, rules, evaluation) ? false : undefined;
    at += piece.length;
  }
  return ending.star || at === text.length;
}

/** The values of the variables from a part on are plain, so that they cannot change what the parts before them are. */
function hasPlainValues(parts: readonly Part[], from: number, rules: VariableRules, evaluation: Evaluation): boolean {
  for (let i = from; i < parts.length; i++) {
    const part = parts[i] as Part;
    if ('text' in part) continue;
    const value = filledValue(part, rules, evaluation);
    if (value === undefined || !isPlain(value)) return false;
  }
  return true;
}

/** No wildcard and nothing of a variable is in it. */
function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 42 || code === 63 || code === 36 || code === 123 || code === 125) return false;
  }
  return true;
}

function filledValue(
  part: { readonly variable: KeyRef; readonly fallback: string | undefined },
  rules: VariableRules,
  evaluation: Evaluation,
): string | undefined {
  const values = evaluation.variable(part.variable);
  if (values === undefined || (rules.absent === 'asWritten' && values[0] === '')) return part.fallback || undefined;
  if (rules.singleValue && values.length > 1) return undefined;
  return values[0];
}

function opensVariable(part: Part, evaluation: Evaluation): boolean {
  if ('text' in part) return false;
  const value = evaluation.variable(part.variable)?.[0];
  return value !== undefined && /[${}]/.test(value);
}

/** Replaces one name after the other, as often as it is found. */
function fillInTurn({ source, chain }: Template, evaluation: Evaluation): string {
  let text = source;
  for (const key of chain) {
    const written = `\${${key.name}}`;
    if (!text.includes(written)) continue;
    const value = evaluation.variable(key)?.[0];
    // What is filled in may name itself; each name has one turn, and no text grows beyond this.
    if (value !== undefined && value !== '' && text.length < MAX_FILLED) text = text.replaceAll(written, () => value);
  }
  return text;
}

const MAX_FILLED = 64 * 1024;

/** The text before the first wildcard or variable. */
export function literalHead(source: string): string {
  const end = source.search(/[*?]|\$\{/);
  return end === -1 ? source : source.slice(0, end);
}
