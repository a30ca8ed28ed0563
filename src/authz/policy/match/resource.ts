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

/** What patterns are held against. The whole text is only put together where a pattern asks for it. */
export class ResourceText {
  /** What is before the first slash of the whole. */
  readonly bucket: string;
  /** What is below the bucket stands in `rest` from `restAt` on; undefined where there is no slash. */
  readonly rest: string | undefined;
  readonly restAt: number;
  /** The cleaned path, where it counts and differs. */
  readonly cleaned: string | undefined;
  readonly sections: readonly string[];
  #raw: string | undefined;

  constructor(
    bucket: string,
    rest: string | undefined,
    restAt: number,
    raw: string | undefined,
    cleaned: string | undefined,
    sections: readonly string[],
  ) {
    this.bucket = bucket;
    this.rest = rest;
    this.restAt = restAt;
    this.#raw = raw;
    this.cleaned = cleaned;
    this.sections = sections;
  }

  /** The whole text. */
  get raw(): string {
    if (this.#raw === undefined) {
      const { bucket, rest, restAt } = this;
      this.#raw = rest === undefined ? bucket : restAt === 0 ? `${bucket}/${rest}` : bucket + rest;
    }
    return this.#raw;
  }
}

const NO_SECTIONS: readonly string[] = [];

/** The resource of a request, as the documents of these rules see it. */
export function resourceText(request: PolicyRequest, rules: ResourceRules): ResourceText {
  const { bucket, object } = request;
  if (rules.form === 'arn') {
    const path = object === '' ? bucket : `${bucket}/${object}`;
    const raw = request.resourceArn ?? `arn:aws:s3:::${path}`;
    return wholeText(raw, undefined, splitArn(raw) ?? [raw]);
  }
  if (bucket === '' || bucket.startsWith('.') || bucket.includes('/')) {
    // Nothing that a bucket is called: only the whole tells what it is.
    const between = object === '' ? rules.bucketAsFolder : !object.startsWith('/');
    const raw = `${bucket}${between ? '/' : ''}${object}`;
    return wholeText(raw, rules.cleansPath ? cleanedPath(raw) : undefined, NO_SECTIONS);
  }
  if (object === '') {
    const { bucketAsFolder } = rules;
    const cleaned = bucketAsFolder && rules.cleansPath ? bucket : undefined;
    return new ResourceText(bucket, bucketAsFolder ? '' : undefined, 0, undefined, cleaned, NO_SECTIONS);
  }
  const restAt = object.startsWith('/') ? 1 : 0;
  if (!rules.cleansPath || isClean(object)) {
    return new ResourceText(bucket, object, restAt, undefined, undefined, NO_SECTIONS);
  }
  const raw = restAt === 1 ? bucket + object : `${bucket}/${object}`;
  return new ResourceText(bucket, object, restAt, raw, cleanedPath(raw), NO_SECTIONS);
}

function wholeText(raw: string, cleaned: string | undefined, sections: readonly string[]): ResourceText {
  const slash = raw.indexOf('/');
  return slash === -1
    ? new ResourceText(raw, undefined, 0, raw, cleaned, sections)
    : new ResourceText(raw.slice(0, slash), raw, slash + 1, raw, cleaned, sections);
}

const SLASH = 47;
const DOT = 46;

/** No component of a key is empty or begins with a dot: cleaning would change nothing. One hop from slash to slash. */
function isClean(object: string): boolean {
  let at = 0;
  do {
    if (at === object.length) return false;
    const code = object.charCodeAt(at);
    if (code === SLASH || code === DOT) return false;
    at = object.indexOf('/', at) + 1;
  } while (at > 0);
  return true;
}

export interface CompiledResource {
  /** As written. */
  readonly source: string;
  /** What a matching resource's text begins with. */
  readonly head: string;
  /** Whatever begins so matches. */
  readonly onlyHead: boolean;
  /** Nothing but the head itself matches. */
  readonly exact: boolean;
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
      exact: false,
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
    exact: pattern === head,
    matches: (text) =>
      (compiled === undefined ? text.raw.startsWith(head) : compiled.matches(text.raw)) ||
      (text.cleaned !== undefined && equal === text.cleaned),
  };
}

/** Compiles a full name of six sections, each with wildcards of its own. */
export function compileArnResource(source: string, arn: string, rules: ResourceRules): CompiledResource {
  const sections = splitArn(arn);
  if (arn === '*' || sections === undefined) {
    const matches = arn === '*' ? () => true : (text: ResourceText) => text.raw === arn;
    return { source, head: '', onlyHead: arn === '*', exact: false, matches };
  }
  const tests = sections.map((section) => sectionTest(compileTemplate(section, rules.variables, rules.naming), rules));
  return {
    source,
    head: literalHead(arn),
    onlyHead: false,
    exact: false,
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
