// What a change of a document newly allows and newly denies: a search over what both documents speak of. A request that is decided
// otherwise shows a difference; that none was found shows nothing for sure, and the answer says which it is.
import { VERSION_ACTIONS } from '../policy/authorize.ts';
import {
  authorize,
  compilePolicySet,
  type Decision,
  type DialectName,
  type Policy,
  type PolicyIssue,
  type PolicyKind,
  type PolicyProgram,
  type PolicyRequest,
  parsePolicy,
} from '../policy/index.ts';
import { representativeActions } from './action-names.ts';
import {
  type CandidatePrincipal,
  type CandidateResource,
  candidatePrincipals,
  candidateResources,
} from './candidate-requests.ts';
import { type Candidate, conditionCandidates } from './condition-candidates.ts';
import { type WrittenStatement, writtenStatements } from './written-policy.ts';

export interface DiffOptions {
  readonly dialect: DialectName;
  readonly kind: PolicyKind;
  /** The bucket that a bucket policy is for. */
  readonly bucket?: string | undefined;
  readonly tenant?: string | undefined;
  /** Decisions that may be made, by the documents and by their statements alone. */
  readonly budget?: number;
  /** Witnesses of each direction. */
  readonly most?: number;
}

export const DEFAULT_BUDGET = 500_000;
export const DEFAULT_WITNESSES = 20;

/** One request that the two documents decide otherwise. */
export interface Witness {
  readonly request: PolicyRequest;
  readonly before: Decision;
  readonly after: Decision;
}

export type PolicyDiff =
  | {
      readonly kind: 'compared';
      /** The documents say the same, statement by statement. */
      readonly same: boolean;
      readonly newlyAllowed: readonly Witness[];
      readonly newlyDenied: readonly Witness[];
      /** Requests that were decided by both. */
      readonly tried: number;
      /** The budget ended the search: what was not tried may differ. */
      readonly exhausted: boolean;
    }
  | { readonly kind: 'invalid'; readonly document: 'old' | 'new'; readonly issues: readonly PolicyIssue[] };

/** Compares two documents. Never throws for what they may hold. */
export function diffPolicies(oldText: string, newText: string, options: DiffOptions): PolicyDiff {
  const before = readDocument(oldText, options);
  if (!before.ok) return { kind: 'invalid', document: 'old', issues: before.issues };
  const after = readDocument(newText, options);
  if (!after.ok) return { kind: 'invalid', document: 'new', issues: after.issues };
  return new Search(before.side, after.side, options).run();
}

interface Statement extends WrittenStatement {
  /** The statement alone, allowing: a request is allowed when the statement matches it. */
  readonly alone: PolicyProgram;
}

interface Side {
  readonly program: PolicyProgram;
  readonly statements: readonly Statement[];
}

type ReadDocument =
  | { readonly ok: true; readonly side: Side }
  | { readonly ok: false; readonly issues: readonly PolicyIssue[] };

function readDocument(text: string, options: DiffOptions): ReadDocument {
  const parsed = parse(text, options);
  if (!parsed.ok) return parsed;
  const statements: Statement[] = [];
  for (const written of writtenStatements(text)) {
    const { source } = written;
    const allowing = Object.fromEntries(
      Object.entries(source).map(([name, value]) => [name, name.toLowerCase() === 'effect' ? 'Allow' : value]),
    );
    const alone = parse(JSON.stringify({ Version: '2012-10-17', Statement: [allowing] }), options);
    if (alone.ok) statements.push({ ...written, alone: compile(alone.policy, options) });
  }
  return { ok: true, side: { program: compile(parsed.policy, options), statements } };
}

function parse(text: string, { dialect, kind, bucket, tenant }: DiffOptions): ReturnType<typeof parsePolicy> {
  return parsePolicy(text, {
    dialect,
    kind,
    name: 'policy',
    ...(bucket === undefined ? {} : { bucket }),
    ...(tenant === undefined ? {} : { tenant }),
  });
}

function compile(policy: Policy, { dialect, kind }: DiffOptions): PolicyProgram {
  return kind === 'bucket'
    ? compilePolicySet({ identity: [], bucket: policy }, dialect, {
        bucketPolicies: 'everyone',
        bucketAlone: true,
      })
    : compilePolicySet({ identity: [policy] }, dialect);
}

type Keys = ReadonlyMap<string, readonly string[]>;

/** What a request is made of before its condition keys are chosen. */
interface Asked {
  readonly action: string;
  readonly principal: CandidatePrincipal;
  readonly resource: CandidateResource;
  /** A version of the object is named, which is an action of its own as well. */
  readonly version: boolean;
}

/** What requests on versions are tried with, and by. */
const VERSION_KEY = 's3:versionid';
const SOME_VERSION = 'v1';

/** Ways to satisfy a pair of statements that are gone on with, and values that are tried to get past another one. */
const MAX_SATISFYING = 4;
const MAX_COMBINATIONS = 400;
/** Statements that hide a difference which are got past together, and how many are looked at from one request. */
const MAX_AVOIDED = 4;
const MAX_HIDING = 4;
/** Statements that a changed one is looked at together with. */
const MAX_PARTNERS = 60;
/** Resources and actions tried of one pair. */
const MAX_RESOURCES = 40;
const MAX_ACTIONS = 24;

class Search {
  readonly #old: Side;
  readonly #new: Side;
  readonly #options: DiffOptions;
  readonly #actions: readonly string[];
  readonly #principals: readonly CandidatePrincipal[];
  readonly #excepted: readonly string[];
  /** Some action is one on versions by its name. */
  readonly #speaksOfVersions: boolean;
  readonly #candidates: ReadonlyMap<string, readonly Candidate[]>;
  /** The statements of both that allow, each once: the first that changed ones are looked at together with. */
  readonly #allowing: readonly Statement[];
  readonly #variables = new Map<string, string>();
  readonly #found = { allowed: new Map<string, Witness>(), denied: new Map<string, Witness>() };
  readonly #budget: number;
  readonly #most: number;
  #tried = 0;
  #decisions = 0;

  constructor(before: Side, after: Side, options: DiffOptions) {
    this.#old = before;
    this.#new = after;
    this.#options = options;
    this.#budget = options.budget ?? DEFAULT_BUDGET;
    this.#most = options.most ?? DEFAULT_WITNESSES;
    const all = [...before.statements, ...after.statements];
    const allowing = all.filter(({ effect }) => effect === 'Allow').map((one) => [one.text, one] as const);
    this.#allowing = [...new Map(allowing.reverse()).values()].reverse().slice(0, MAX_PARTNERS);
    this.#actions = representativeActions(all.flatMap(({ actions }) => actions));
    this.#principals = candidatePrincipals(all, options.kind, options.dialect);
    this.#excepted = [...new Set(all.flatMap((one) => (one.negatedResources ? one.resources : [])))];
    this.#speaksOfVersions = all.some(({ actions }) => actions.some((entry) => entry.includes('Version')));
    this.#candidates = conditionCandidates(all.flatMap(({ conditions }) => conditions));
    for (const text of all.flatMap(({ resources, conditions }) => [
      ...resources,
      ...conditions.flatMap(({ values }) => values),
    ])) {
      for (const match of text.matchAll(/\$\{\s*([A-Za-z0-9-]+:[^},]+?)\s*(?:,[^}]*)?\}/g)) {
        const key = match[1] as string;
        this.#variables.set(key, `v${this.#variables.size}`);
      }
    }
  }

  run(): PolicyDiff {
    const changedOld = changed(this.#old, this.#new);
    const changedNew = changed(this.#new, this.#old);
    const same = changedOld.length === 0 && changedNew.length === 0;
    if (!same) {
      for (const statement of interleave(changedNew, changedOld)) {
        if (this.#isOver()) break;
        this.#look(statement, changedNew.includes(statement) ? this.#old : this.#new);
      }
    }
    return {
      kind: 'compared',
      same,
      newlyAllowed: [...this.#found.allowed.values()],
      newlyDenied: [...this.#found.denied.values()],
      tried: this.#tried,
      exhausted: this.#decisions >= this.#budget,
    };
  }

  #isOver(): boolean {
    const { allowed, denied } = this.#found;
    return this.#decisions >= this.#budget || (allowed.size >= this.#most && denied.size >= this.#most);
  }

  /** A changed statement alone, and together with each that may allow what it takes away. */
  #look(statement: Statement, other: Side): void {
    const partners = statement.effect === 'Allow' ? [undefined, ...this.#allowing] : this.#allowing;
    for (const partner of partners.slice(0, MAX_PARTNERS)) {
      if (partner?.text === statement.text) continue;
      if (this.#isOver()) return;
      this.#lookAt(statement, partner, other);
    }
  }

  #lookAt(statement: Statement, partner: Statement | undefined, other: Side): void {
    const together = partner === undefined ? [statement] : [statement, partner];
    const pairs = this.#principals.map((principal) => ({
      principal,
      resources: this.#resources(statement, partner, principal).slice(0, MAX_RESOURCES),
    }));
    let actions = 0;
    for (const { action, version } of this.#asked()) {
      let matched = false;
      for (const { principal, resources } of pairs) {
        for (const resource of resources) {
          if (this.#decisions >= this.#budget) return;
          const asked = { action, principal, resource, version };
          const satisfying = this.#satisfying(asked, together);
          if (satisfying.length === 0) continue;
          matched = true;
          const found = satisfying.some((keys) => this.#tryFrom(asked, keys, together, other, []));
          // One witness for an action of a statement is enough; the rest of the budget is for the others.
          if (found && !this.#isFirst(action)) break;
        }
      }
      if (matched && ++actions >= MAX_ACTIONS) return;
    }
  }

  /** Each action, and where documents speak of versions, those on objects on a version as well. */
  *#asked(): Iterable<{ action: string; version: boolean }> {
    for (const action of this.#actions) {
      yield { action, version: false };
      if (this.#speaksOfVersions && VERSION_ACTIONS.has(action)) yield { action, version: true };
    }
  }

  #resources(statement: Statement, partner: Statement | undefined, principal: CandidatePrincipal): CandidateResource[] {
    return candidateResources(statement, partner, {
      variableValue: (key) => this.#valueOf(key, principal),
      excepted: this.#excepted,
      tenant: this.#options.tenant,
    });
  }

  #isFirst(action: string): boolean {
    return this.#actions[0] === action;
  }

  /** Some assignments of condition keys by which all these statements match. */
  #satisfying(asked: Asked, together: readonly Statement[]): Keys[] {
    const matches = (keys: Keys): boolean => together.every(({ alone }) => this.#matches(alone, asked, keys));
    const base = this.#baseKeys(asked);
    const keys = [...new Set(together.flatMap(({ conditions }) => conditions.map(({ key }) => key)))];
    if (keys.length === 0) return matches(base) ? [base] : [];
    // Cheaply: can these statements match at all here, whatever the conditions? An assignment per key is found one key at a time.
    const found: Keys[] = [];
    let combinations = 0;
    const choose = (index: number, chosen: Keys): void => {
      if (found.length >= MAX_SATISFYING || combinations >= MAX_COMBINATIONS) return;
      if (index === keys.length) {
        combinations += 1;
        if (matches(chosen)) found.push(chosen);
        return;
      }
      const key = keys[index] as string;
      const candidates = this.#candidates.get(key) ?? [undefined];
      for (const candidate of this.#fitting(key, candidates, together)) {
        choose(index + 1, assigned(chosen, key, candidate));
        if (found.length >= MAX_SATISFYING || combinations >= MAX_COMBINATIONS) return;
      }
    };
    choose(0, base);
    return found;
  }

  readonly #fittingOf = new Map<string, Candidate[]>();

  /** The candidates of one key by which the conditions on it hold, those on other keys aside. */
  #fitting(key: string, candidates: readonly Candidate[], together: readonly Statement[]): Candidate[] {
    const conditions = together.flatMap((one) => one.conditions.filter((condition) => condition.key === key));
    const id = JSON.stringify([key, conditions]);
    let fitting = this.#fittingOf.get(id);
    // What a variable stands for changes more than its conditions: those are tried whole.
    if (this.#variables.has(key)) return [...candidates];
    if (fitting === undefined) {
      const probes = together
        .filter((one) => one.conditions.some((condition) => condition.key === key))
        .map((one) => this.#probe(one, key))
        .filter((probe) => probe !== undefined);
      fitting = candidates.filter((candidate) =>
        probes.every(({ program, asked }) =>
          this.#matches(program, asked, assigned(this.#baseKeys(asked), key, candidate)),
        ),
      );
      this.#fittingOf.set(id, fitting);
    }
    return fitting;
  }

  readonly #probes = new Map<string, { program: PolicyProgram; asked: Asked } | undefined>();

  /** A statement with its conditions on one key alone, and something that it matches without them. */
  #probe(statement: Statement, key: string): { program: PolicyProgram; asked: Asked } | undefined {
    const id = `${statement.text}\0${key}`;
    if (this.#probes.has(id)) return this.#probes.get(id);
    const bare = this.#withConditions(statement, () => false);
    const program = this.#withConditions(statement, (name) => name === key);
    let probe: { program: PolicyProgram; asked: Asked } | undefined;
    if (bare !== undefined && program !== undefined) {
      search: for (const action of this.#actions) {
        for (const principal of this.#principals) {
          for (const resource of this.#resources(statement, undefined, principal)) {
            const asked = { action, principal, resource, version: false };
            if (!this.#matches(bare, asked, this.#baseKeys(asked))) continue;
            probe = { program, asked };
            break search;
          }
        }
      }
    }
    this.#probes.set(id, probe);
    return probe;
  }

  #withConditions(statement: Statement, keep: (key: string) => boolean): PolicyProgram | undefined {
    const kept: Record<string, Record<string, unknown>> = {};
    const written = Object.entries(statement.source).find(([name]) => name.toLowerCase() === 'condition')?.[1];
    for (const [operator, keys] of Object.entries((written ?? {}) as Record<string, Record<string, unknown>>)) {
      for (const [key, values] of Object.entries(keys)) {
        if (!keep(key)) continue;
        kept[operator] ??= {};
        kept[operator][key] = values;
      }
    }
    const rest = Object.entries(statement.source).filter(
      ([name]) => !['condition', 'effect'].includes(name.toLowerCase()),
    );
    const source = {
      ...Object.fromEntries(rest),
      Effect: 'Allow',
      ...(Object.keys(kept).length === 0 ? {} : { Condition: kept }),
    };
    const parsed = parse(JSON.stringify({ Version: '2012-10-17', Statement: [source] }), this.#options);
    return parsed.ok ? compile(parsed.policy, this.#options) : undefined;
  }

  /** Tries a request; where another statement hides the difference, goes on from values by which that one does not match. */
  #tryFrom(
    asked: Asked,
    keys: Keys,
    together: readonly Statement[],
    other: Side,
    avoided: readonly Statement[],
  ): boolean {
    if (this.#decisions >= this.#budget) return false;
    if (this.#decide(asked, keys)) return true;
    if (avoided.length >= MAX_AVOIDED) return false;
    const effect = together[0]?.effect;
    const hiding = [...this.#old.statements, ...this.#new.statements].filter(
      (one) =>
        !together.includes(one) &&
        one.conditions.length > 0 &&
        (one.effect === 'Deny' || (one.effect === effect && other.statements.includes(one))) &&
        this.#matches(one.alone, asked, keys),
    );
    for (const hidden of hiding.slice(0, MAX_HIDING)) {
      // Getting past one statement must not lead back to another.
      const past = [...avoided, hidden];
      for (const { key } of hidden.conditions) {
        for (const candidate of this.#candidates.get(key) ?? []) {
          const moved = assigned(keys, key, candidate);
          if (past.some(({ alone }) => this.#matches(alone, asked, moved))) continue;
          if (!together.every(({ alone }) => this.#matches(alone, asked, moved))) continue;
          if (this.#tryFrom(asked, moved, together, other, past)) return true;
          break;
        }
      }
    }
    return false;
  }

  /** Decides by both; keeps a difference. */
  #decide(asked: Asked, keys: Keys): boolean {
    const request = this.#request(asked, keys);
    const before = authorize(this.#old.program, request);
    const after = authorize(this.#new.program, request);
    this.#tried += 1;
    this.#decisions += 2;
    const allowedBefore = before.outcome === 'Allow';
    const allowedAfter = after.outcome === 'Allow';
    if (allowedBefore === allowedAfter) return false;
    const found = allowedAfter ? this.#found.allowed : this.#found.denied;
    const id = `${asked.action} ${statementOf(allowedAfter ? after : before)} ${statementOf(allowedAfter ? before : after)}`;
    if (!found.has(id) && found.size < this.#most) found.set(id, { request, before, after });
    return true;
  }

  #matches(program: PolicyProgram, asked: Asked, keys: Keys): boolean {
    this.#decisions += 1;
    return authorize(program, this.#request(asked, keys)).outcome === 'Allow';
  }

  #request({ action, principal, resource }: Asked, keys: Keys): PolicyRequest {
    return {
      principal,
      action,
      bucket: resource.bucket,
      object: resource.object,
      resourceArn: resource.arn,
      resourceAccount: principal.account,
      keys,
    };
  }

  #valueOf(key: string, principal: CandidatePrincipal): string | undefined {
    return key === 'aws:username' ? principal.user : this.#variables.get(key);
  }

  /** What is so without any choice: who asks, a value for each variable, and a version where one is asked for. */
  #baseKeys({ principal: { type, user, arn, account }, version }: Pick<Asked, 'principal' | 'version'>): Keys {
    const keys = new Map<string, readonly string[]>();
    if (version) keys.set(VERSION_KEY, [SOME_VERSION]);
    for (const [key, value] of this.#variables) keys.set(key, [value]);
    if (type !== 'Anonymous') {
      keys.set('aws:username', [user]);
      if (this.#options.dialect === 'aws') {
        keys.set('aws:PrincipalArn', [arn]);
        keys.set('aws:PrincipalAccount', [account]);
      }
    }
    return keys;
  }
}

function statementOf(decision: Decision): string {
  return 'by' in decision && decision.by !== undefined ? String(decision.by.index) : decision.outcome;
}

function assigned(keys: Keys, key: string, candidate: Candidate): Keys {
  const moved = new Map(keys);
  if (candidate === undefined) moved.delete(key);
  else moved.set(key, candidate);
  return moved;
}

/** The statements of one side that the other does not have. */
function changed(side: Side, other: Side): Statement[] {
  const texts = new Set(other.statements.map(({ text }) => text));
  return side.statements.filter(({ text }) => !texts.has(text));
}

function interleave<T>(a: readonly T[], b: readonly T[]): T[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    [a[i], b[i]].filter((one) => one !== undefined),
  ).flat() as T[];
}
