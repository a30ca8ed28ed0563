// Text with policy variables (`home/${aws:username}/*`), compiled once and filled in for each request.

/** Looks up the first value of a condition key; undefined when absent or empty. */
export type VariableLookup = (key: string) => string | undefined;

type Part = { readonly text: string } | { readonly variable: string; readonly source: string };

export interface Template {
  /** The text as written. */
  readonly source: string;
  /** Undefined when there is no variable in it. */
  readonly parts: readonly Part[] | undefined;
}

export interface Filled {
  readonly pattern: string;
  /** Positions whose wildcards are literal; undefined for none. */
  readonly literal: ReadonlySet<number> | undefined;
}

/** Compiles a text. Only `${key}` with an exact name out of `variables` is a variable; all else stays as it stands. */
export function compileTemplate(source: string, variables: ReadonlySet<string>): Template {
  if (!source.includes('${')) return { source, parts: undefined };
  const parts: Part[] = [];
  let at = 0;
  let found = false;
  while (at < source.length) {
    const open = source.indexOf('${', at);
    const close = open === -1 ? -1 : source.indexOf('}', open);
    if (close === -1) break;
    const name = source.slice(open + 2, close);
    if (variables.has(name)) {
      if (open > at) parts.push({ text: source.slice(at, open) });
      parts.push({ variable: name, source: source.slice(open, close + 1) });
      found = true;
      at = close + 1;
    } else {
      parts.push({ text: source.slice(at, open + 2) });
      at = open + 2;
    }
  }
  if (at < source.length) parts.push({ text: source.slice(at) });
  return { source, parts: found ? parts : undefined };
}

/** Fills in the variables; an absent one stays as it was written. With `literal`, what is filled in has no wildcards. */
export function fillTemplate(template: Template, lookup: VariableLookup, literal: boolean): Filled {
  if (template.parts === undefined) return { pattern: template.source, literal: undefined };
  let pattern = '';
  let positions: Set<number> | undefined;
  for (const part of template.parts) {
    if ('text' in part) {
      pattern += part.text;
      continue;
    }
    const value = lookup(part.variable);
    const text = value ?? part.source;
    if (literal && value !== undefined) {
      for (let i = 0; i < text.length; i++) {
        if (text[i] === '*' || text[i] === '?') {
          positions ??= new Set();
          positions.add(pattern.length + i);
        }
      }
    }
    pattern += text;
  }
  return { pattern, literal: positions };
}

/** The text before the first wildcard or variable. */
export function literalHead(source: string): string {
  const end = source.search(/[*?]|\$\{/);
  return end === -1 ? source : source.slice(0, end);
}
