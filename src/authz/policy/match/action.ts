// Actions of a request against the entries of a statement, compiled: exact names in a set, wildcards as patterns.
import { matchesSegments } from './segments.ts';
import { compilePattern, type Pattern } from './wildcard.ts';

/** How a dialect compares actions. */
export type ActionComparison =
  /** As patterns, with case. */
  | 'exactCase'
  /** As patterns, without case. */
  | 'anyCase'
  /** Without case, section by section between colons; an entry that begins with '*' names all actions there are. */
  | 'sections';

export interface ActionRules {
  readonly comparison: ActionComparison;
  /** Other actions are never matched; undefined: any may be. Lower case. */
  readonly known: ReadonlySet<string> | undefined;
}

/** The action of a request in the form that matchers compare. */
export function comparableAction(action: string, rules: ActionRules): string {
  return rules.comparison === 'exactCase' ? action : action.toLowerCase();
}

export interface ActionMatcher {
  /** The same for entries that match the same. */
  readonly id: string;
  /** As written. */
  readonly entries: readonly string[];
  /** NotAction: what is named does not match. */
  readonly negated: boolean;
  /** Names that match by themselves, when there is nothing else to look at; undefined otherwise. */
  readonly names: readonly string[] | undefined;
  /** `action` is comparable. */
  matches(action: string): boolean;
}

export interface ActionOptions {
  readonly negated: boolean;
  /** The very entry `s3:GetObjectVersion` also names `s3:GetObject`: whoever may read any version may read the latest. */
  readonly implies: boolean;
  /** Entries that take back what `entries` name. */
  readonly except?: readonly string[];
}

const WILDCARD = /[*?]/;

/** Compiles the entries of one statement. */
export function compileActions(entries: readonly string[], rules: ActionRules, options: ActionOptions): ActionMatcher {
  const { negated, implies, except = [] } = options;
  const named = compileEntries(entries, rules, implies);
  const excepted = except.length === 0 ? undefined : compileEntries(except, rules, false);
  const { known } = rules;
  const plain = !negated && excepted === undefined && named.patterns.length === 0 && named.names.size <= MAX_NAMES;
  return {
    id: `${negated ? '!' : ''}${implies ? '+' : ''}${entries.join('\n')}\n\n${except.join('\n')}`,
    entries,
    negated,
    names: plain ? [...named.names] : undefined,
    matches(action) {
      if (known !== undefined && !known.has(action)) return false;
      return named.has(action) !== negated && !(excepted?.has(action) ?? false);
    },
  };
}

/** Names of one statement that are indexed one by one. */
const MAX_NAMES = 16;

interface Entries {
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly { matches(action: string): boolean }[];
  has(action: string): boolean;
}

function compileEntries(entries: readonly string[], rules: ActionRules, implies: boolean): Entries {
  const names = new Set<string>();
  const patterns: { matches(action: string): boolean }[] = [];
  for (const entry of entries) {
    const comparable = comparableAction(entry, rules);
    if (!WILDCARD.test(entry)) {
      names.add(comparable);
      if (implies && entry === 's3:GetObjectVersion') names.add(comparableAction('s3:GetObject', rules));
    } else if (rules.comparison === 'sections') {
      patterns.push(entry.startsWith('*') ? EVERYTHING : sectionPattern(comparable));
    } else patterns.push(patternOf(comparable));
  }
  return {
    names,
    patterns,
    has(action) {
      if (names.has(action)) return true;
      for (const pattern of patterns) if (pattern.matches(action)) return true;
      return false;
    },
  };
}

const EVERYTHING = { matches: () => true };
const sectionPattern = (pattern: string) => ({
  matches: (action: string) => matchesSegments(pattern, action, 'action'),
});

/** `s3:Get*` and the like need no pattern. */
function patternOf(entry: string): { matches(action: string): boolean } | Pattern {
  const head = entry.slice(0, -1);
  if (entry.endsWith('*') && !WILDCARD.test(head)) return { matches: (action) => action.startsWith(head) };
  return compilePattern(entry, 'codePoint');
}
