// A document as it is written, statement by statement, for searching through what it could mean. What it does mean is the engine's to say.

/** One statement's elements; a string and a list of one are the same. */
export interface WrittenStatement {
  readonly index: number;
  readonly effect: 'Allow' | 'Deny';
  /** Entries of Action and NotAction. */
  readonly actions: readonly string[];
  /** Entries of Resource and NotResource. */
  readonly resources: readonly string[];
  readonly negatedResources: boolean;
  /** Entries of Principal and NotPrincipal; undefined when it names none. */
  readonly principals: readonly string[] | undefined;
  readonly conditions: readonly WrittenCondition[];
  /** The statement alone, as an Allow: who it speaks of. */
  readonly source: Readonly<Record<string, unknown>>;
  /** Two statements of one text mean the same. */
  readonly text: string;
}

export interface WrittenCondition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/** The statements of a document that the engine has accepted. */
export function writtenStatements(document: string): WrittenStatement[] {
  const root: unknown = JSON.parse(document);
  if (!isObject(root)) return [];
  const written = member(root, 'Statement');
  const list = Array.isArray(written) ? written : isObject(written) ? [written] : [];
  return list.filter(isObject).map(readStatement);
}

function readStatement(source: Members, index: number): WrittenStatement {
  const notResources = member(source, 'NotResource');
  const principal = member(source, 'Principal') ?? member(source, 'NotPrincipal');
  const { Sid: _, ...meaning } = source;
  return {
    index,
    effect: member(source, 'Effect') === 'Deny' ? 'Deny' : 'Allow',
    actions: [...texts(member(source, 'Action')), ...texts(member(source, 'NotAction'))],
    resources: notResources === undefined ? texts(member(source, 'Resource')) : texts(notResources),
    negatedResources: notResources !== undefined,
    principals: principal === undefined ? undefined : principalTexts(principal),
    conditions: conditions(member(source, 'Condition')),
    source,
    text: canonicalText(meaning),
  };
}

function principalTexts(principal: unknown): string[] {
  return isObject(principal) ? Object.values(principal).flatMap(texts) : texts(principal);
}

function conditions(written: unknown): WrittenCondition[] {
  if (!isObject(written)) return [];
  return Object.entries(written).flatMap(([operator, keys]) =>
    isObject(keys) ? Object.entries(keys).map(([key, values]) => ({ operator, key, values: texts(values) })) : [],
  );
}

function texts(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** A member by its name without regard to case, the last of several. */
function member(object: Members, name: string): unknown {
  let found: unknown;
  for (const [key, value] of Object.entries(object)) if (key.toLowerCase() === name.toLowerCase()) found = value;
  return found ?? undefined;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same text for the same statement, whatever the order of its members and of its lists. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).sort().join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${canonicalText(inner)}`);
  return `{${members.sort().join()}}`;
}
