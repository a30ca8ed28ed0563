// The resource of a request against the patterns of a statement: as a path in the buckets, or by its full name.
import type { Evaluation, KeyNaming } from '../condition/evaluation.ts';
import { splitArn } from '../condition/string-operators.ts';
import type { PolicyRequest } from '../request.ts';
import {
  compileTemplate,
  fillText,
  literalHead,
  matchesTemplate,
  type Template,
  type VariableRules,
} from './template.ts';
import { Pattern, type QuestionMark } from './wildcard.ts';

/** How resources are named where a document is held against a request. */
export interface ResourceRules {
  /** `bucket/key`, or ARNs of six sections. */
  readonly form: 'path' | 'arn';
  /** The bucket itself is `bucket/`, or `bucket`. */
  readonly bucketAsFolder: boolean;
  /** A pattern also matches when it is the path with '.', '..', '//' and a trailing '/' removed. */
  readonly cleansPath: boolean;
  readonly questionMark: QuestionMark;
  readonly variables: VariableRules;
  readonly naming: KeyNaming;
}

/** The texts that patterns are held against. */
export interface ResourceText {
  readonly raw: string;
  /** What is before the first slash of `raw`. */
  readonly bucket: string;
  /** The cleaned path, where it counts and differs. */
  readonly cleaned: string | undefined;
  readonly sections: readonly string[];
}

const NO_SECTIONS: readonly string[] = [];

/** The resource of a request, as the documents of these rules see it. */
export function resourceText(request: PolicyRequest, rules: ResourceRules): ResourceText {
  const { bucket, object } = request;
  if (rules.form === 'arn') {
    const path = object === '' ? bucket : `${bucket}/${object}`;
    const raw = request.resourceArn ?? `arn:aws:s3:::${path}`;
    const slash = raw.indexOf('/');
    const named = slash === -1 ? raw : raw.slice(0, slash);
    return { raw, bucket: named, cleaned: undefined, sections: splitArn(raw) ?? [raw] };
  }
  const raw =
    object === ''
      ? rules.bucketAsFolder
        ? `${bucket}/`
        : bucket
      : object.startsWith('/')
        ? bucket + object
        : `${bucket}/${object}`;
  const slash = bucket.indexOf('/');
  return {
    raw,
    bucket: slash === -1 ? bucket : bucket.slice(0, slash),
    cleaned: rules.cleansPath ? cleanedPath(raw) : undefined,
    sections: NO_SECTIONS,
  };
}

export interface CompiledResource {
  /** As written. */
  readonly source: string;
  /** What a matching resource's text begins with. */
  readonly head: string;
  /** Whatever begins so matches. */
  readonly onlyHead: boolean;
  matches(text: ResourceText, evaluation: Evaluation): boolean;
}

/** Compiles a pattern without its ARN's prefix, for the path form. */
export function compilePathResource(source: string, pattern: string, rules: ResourceRules): CompiledResource {
  const template = compileTemplate(pattern, rules.variables, rules.naming);
  const head = literalHead(pattern);
  const { questionMark } = rules;
  if (template.fixed === undefined) {
    return {
      source,
      head,
      onlyHead: false,
      matches: (text, evaluation) =>
        matchesTemplate(template, text.raw, evaluation, questionMark) ||
        (text.cleaned !== undefined && fillText(template, evaluation) === text.cleaned),
    };
  }
  const parts = template.fixed;
  // `team-*`: once its head is there, everything matches.
  const onlyHead = pattern.length === head.length + 1 && pattern.endsWith('*');
  const compiled = onlyHead ? undefined : new Pattern(parts, questionMark);
  const equal = parts.length === 1 ? (parts[0]?.text ?? '') : parts.map((part) => part.text).join('');
  return {
    source,
    head,
    onlyHead,
    matches: (text) =>
      (compiled === undefined ? text.raw.startsWith(head) : compiled.matches(text.raw)) ||
      (text.cleaned !== undefined && equal === text.cleaned),
  };
}

/** Compiles a full name of six sections, each with wildcards of its own. */
export function compileArnResource(source: string, arn: string, rules: ResourceRules): CompiledResource {
  const sections = splitArn(arn);
  if (arn === '*' || sections === undefined) {
    return { source, head: '', onlyHead: arn === '*', matches: arn === '*' ? () => true : (text) => text.raw === arn };
  }
  const tests = sections.map((section) => sectionTest(compileTemplate(section, rules.variables, rules.naming), rules));
  return {
    source,
    head: literalHead(arn),
    onlyHead: false,
    matches(text, evaluation) {
      if (text.sections.length !== tests.length) return false;
      // The last section tells most apart.
      for (let i = tests.length - 1; i >= 0; i--) {
        if (tests[i]?.(text.sections[i] ?? '', evaluation) !== true) return false;
      }
      return true;
    },
  };
}

function sectionTest(template: Template, { questionMark }: ResourceRules) {
  if (template.fixed === undefined) {
    return (text: string, evaluation: Evaluation): boolean => matchesTemplate(template, text, evaluation, questionMark);
  }
  const pattern = new Pattern(template.fixed, questionMark);
  return (text: string): boolean => pattern.matches(text);
}

/** The cleaned path, if it is another one. */
function cleanedPath(path: string): string | undefined {
  const mayDiffer =
    path.endsWith('/') || path.startsWith('/') || path.startsWith('.') || path.includes('//') || path.includes('/.');
  if (!mayDiffer) return path === '' ? '.' : undefined;
  // A bucket itself, as a folder.
  if (path.indexOf('/') === path.length - 1 && !path.startsWith('.') && path !== '/') return path.slice(0, -1);
  const cleaned = cleanPath(path);
  return cleaned === path ? undefined : cleaned;
}

/** The shortest equal path: what remains of '.', '..', empty components and a trailing slash. */
export function cleanPath(path: string): string {
  if (path === '') return '.';
  const rooted = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (!rooted) out.push(part);
  }
  const joined = out.join('/');
  return rooted ? `/${joined}` : joined === '' ? '.' : joined;
}
