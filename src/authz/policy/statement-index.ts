// The statements of some documents, by what their resources begin with and by action. Resources that name their bucket are found by
// its name at once, and below it, as those that do not, in a tree of common beginnings. A decision meets only statements that can
// match; how many others there are does not count.
import type { ActionMatcher } from './match/action.ts';
import type { CompiledResource, ResourceText } from './match/resource.ts';
import type { CompiledStatement } from './policy.ts';
import type { StatementRef } from './request.ts';

/** A statement with the one of its resources that stands at a place of the tree. */
export interface IndexEntry {
  readonly statement: CompiledStatement;
  /** Undefined: all of them are to be looked at. */
  readonly resource: CompiledResource | undefined;
  /** Those of the statement; statements with the same actions share one matcher. */
  readonly actions: ActionMatcher;
  /** It matches whatever begins so: there is nothing else to look at. */
  readonly certain: boolean;
  readonly denies: boolean;
  readonly ref: StatementRef;
  /** The next entry at the same place. */
  next: IndexEntry | undefined;
}

/** Sees entries one by one; true ends the walk. `begun`: the resource begins as the entry's does. */
export interface EntryVisitor {
  visit(entry: IndexEntry, begun: boolean): boolean;
  /** A Deny was seen: what allows need not be looked at. */
  readonly denied: boolean;
}

/** Entries at one place up to this number are looked through; more are found by their actions. */
const FEW_ENTRIES = 8;

/** Entries at one place, by their actions: those that list few names by each name. */
class ActionIndex {
  readonly #byName = new Map<string, IndexEntry[]>();
  readonly #byActions = new Map<ActionMatcher, IndexEntry[]>();

  add(entry: IndexEntry): void {
    const { actions } = entry;
    if (actions.names === undefined) append(this.#byActions, actions, entry);
    else for (const name of actions.names) append(this.#byName, name, entry);
  }

  visit(action: string, visitor: EntryVisitor, begun: boolean): boolean {
    const named = this.#byName.get(action);
    // A name that is listed may still be one that does not exist.
    if (named?.[0] !== undefined && visitEntries(named, action, visitor, begun)) return true;
    for (const [actions, entries] of this.#byActions) {
      if (!actions.matches(action)) continue;
      for (const entry of entries) if (visitor.visit(entry, begun)) return true;
    }
    return false;
  }
}

function append<K>(lists: Map<K, IndexEntry[]>, key: K, entry: IndexEntry): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [entry]);
  else list.push(entry);
}

function visitEntries(entries: readonly IndexEntry[], action: string, visitor: EntryVisitor, begun: boolean): boolean {
  for (const entry of entries) {
    if (entry.actions.matches(action) && visitor.visit(entry, begun)) return true;
  }
  return false;
}

/** Visits what stands at one beginning, of one effect: a chain of few entries, and an index once there are many. */
function visitPlace(
  first: IndexEntry,
  index: ActionIndex | undefined,
  action: string,
  visitor: EntryVisitor,
  begun: boolean,
): boolean {
  if (index !== undefined) return index.visit(action, visitor, begun);
  for (let entry: IndexEntry | undefined = first; entry !== undefined; entry = entry.next) {
    if (entry.actions.matches(action) && visitor.visit(entry, begun)) return true;
  }
  return false;
}

/** An index of a chain, once it has become long. */
function indexOf(first: IndexEntry, index: ActionIndex | undefined): ActionIndex | undefined {
  if (index !== undefined) {
    index.add(first);
    return index;
  }
  let count = 0;
  for (let entry: IndexEntry | undefined = first; entry !== undefined; entry = entry.next) count++;
  if (count <= FEW_ENTRIES) return undefined;
  const made = new ActionIndex();
  for (let entry: IndexEntry | undefined = first; entry !== undefined; entry = entry.next) made.add(entry);
  return made;
}

/**
 * A node of the tree of beginnings. What most decisions look at stands first, in one line of the processor's cache; each further
 * object on the way would cost a large tree one more wait for the memory.
 */
interface Branch {
  /** A Deny stands here or further along. */
  denies: boolean;
  allowing: IndexEntry | undefined;
  allowingIndex: ActionIndex | undefined;
  children: Branch[] | undefined;
  label: string;
  /** Of the node of a bucket's name, which stands for what is below the bucket: what is said of the bucket itself. */
  itself: Branch | undefined;
  denying: IndexEntry | undefined;
  denyingIndex: ActionIndex | undefined;
  /** Once there are many: by the first character of their labels. */
  byCode: Map<number, Branch> | undefined;
}

const FEW_CHILDREN = 6;

function newBranch(label: string): Branch {
  return {
    denies: false,
    allowing: undefined,
    allowingIndex: undefined,
    children: undefined,
    label,
    itself: undefined,
    denying: undefined,
    denyingIndex: undefined,
    byCode: undefined,
  };
}

function childOf(branch: Branch, code: number): Branch | undefined {
  if (branch.byCode !== undefined) return branch.byCode.get(code);
  if (branch.children !== undefined) {
    for (const child of branch.children) if (child.label.charCodeAt(0) === code) return child;
  }
  return undefined;
}

function setChild(branch: Branch, child: Branch): void {
  branch.children ??= [];
  const code = child.label.charCodeAt(0);
  const at = branch.children.findIndex(({ label }) => label.charCodeAt(0) === code);
  if (at === -1) branch.children.push(child);
  else branch.children[at] = child;
  if (branch.byCode !== undefined) branch.byCode.set(code, child);
  else if (branch.children.length > FEW_CHILDREN) {
    branch.byCode = new Map(branch.children.map((each) => [each.label.charCodeAt(0), each]));
  }
}

/** The node of a beginning, made where there is none. */
function branchAt(root: Branch, head: string, denies: boolean): Branch {
  let branch = root;
  let at = 0;
  if (denies) branch.denies = true;
  while (at < head.length) {
    const child = childOf(branch, head.charCodeAt(at));
    if (child === undefined) {
      const leaf = newBranch(head.slice(at));
      leaf.denies = denies;
      setChild(branch, leaf);
      return leaf;
    }
    let shared = 1;
    while (shared < child.label.length && child.label.charCodeAt(shared) === head.charCodeAt(at + shared)) shared++;
    if (shared < child.label.length) {
      const upper = newBranch(child.label.slice(0, shared));
      setChild(branch, upper); // in the child's place, while it still has its label
      child.label = child.label.slice(shared);
      setChild(upper, child);
      upper.denies = child.denies;
      branch = upper;
    } else branch = child;
    if (denies) branch.denies = true;
    at += shared;
  }
  return branch;
}

function addEntry(branch: Branch, entry: IndexEntry): void {
  if (entry.denies) {
    entry.next = branch.denying;
    branch.denying = entry;
    branch.denyingIndex = indexOf(entry, branch.denyingIndex);
  } else {
    entry.next = branch.allowing;
    branch.allowing = entry;
    branch.allowingIndex = indexOf(entry, branch.allowingIndex);
  }
}

function newEntry(
  statement: CompiledStatement,
  resource: CompiledResource | undefined,
  actions: ActionMatcher,
): IndexEntry {
  const certain =
    resource?.onlyHead === true && statement.conditions.length === 0 && statement.principals === undefined;
  return {
    actions,
    certain,
    denies: statement.effect === 'Deny',
    ref: statement.ref,
    next: undefined,
    statement,
    resource,
  };
}

/** Visits what may allow along a text from a position, from the node for what is before it. */
function walkAllowing(
  root: Branch,
  text: string,
  from: number,
  action: string,
  visitor: EntryVisitor,
  begun: boolean,
): boolean {
  let branch = root;
  let at = from;
  for (;;) {
    const { allowing } = branch;
    if (allowing !== undefined && visitPlace(allowing, branch.allowingIndex, action, visitor, begun)) return true;
    const child = next(branch, text, at);
    if (child === undefined) return false;
    at += child.label.length;
    branch = child;
  }
}

/** The same for what may deny; most branches hold nothing that does. */
function walkDenying(
  root: Branch,
  text: string,
  from: number,
  action: string,
  visitor: EntryVisitor,
  begun: boolean,
): boolean {
  let branch = root;
  let at = from;
  while (branch.denies) {
    const { denying } = branch;
    if (denying !== undefined && visitPlace(denying, branch.denyingIndex, action, visitor, begun)) return true;
    const child = next(branch, text, at);
    if (child === undefined) return false;
    at += child.label.length;
    branch = child;
  }
  return false;
}

/** The branch along which the text goes on. */
function next(branch: Branch, text: string, at: number): Branch | undefined {
  if (branch.children === undefined || at >= text.length) return undefined;
  const child = childOf(branch, text.charCodeAt(at));
  if (child === undefined) return undefined;
  const { label } = child;
  return label.length === 1 || text.startsWith(label, at) ? child : undefined;
}

function rootOf(roots: Map<string, Branch>, bucket: string): Branch {
  let root = roots.get(bucket);
  if (root === undefined) {
    root = newBranch('');
    roots.set(bucket, root);
  }
  return root;
}

/** Immutable once built. */
export class StatementIndex {
  /** In the order of the documents. */
  readonly all: readonly CompiledStatement[];
  /** Some statement may turn out not to be decidable: then all that may match are looked at, in whatever order. */
  readonly mayFault: boolean;
  /** Beginnings without a slash: their bucket is not known, or they name a bucket itself. */
  readonly #root = newBranch('');
  /** Beginnings with a slash, by what is before it, and what is said of buckets by their whole names. */
  readonly #byBucket = new Map<string, Branch>();

  constructor(statements: readonly CompiledStatement[]) {
    this.all = statements;
    this.mayFault = statements.some(
      ({ conditions, principals }) => principals?.mayFault === true || conditions.some(({ test }) => test.mayFault),
    );
    const matchers = new Map<string, ActionMatcher>();
    // From the last, so that the first stands first in its chain.
    for (const statement of statements.toReversed()) {
      let actions = matchers.get(statement.actions.id);
      if (actions === undefined) {
        actions = statement.actions;
        matchers.set(actions.id, actions);
      }
      const denies = statement.effect === 'Deny';
      if (!statement.resourceCounts || statement.negatedResources || statement.service === 'kms') {
        addEntry(branchAt(this.#root, '', denies), newEntry(statement, undefined, actions));
      } else {
        for (const resource of statement.resources) {
          addEntry(this.#branchOf(resource, denies), newEntry(statement, resource, actions));
        }
      }
    }
  }

  #branchOf({ head, exact }: CompiledResource, denies: boolean): Branch {
    const slash = head.indexOf('/');
    if (slash !== -1) return branchAt(rootOf(this.#byBucket, head.slice(0, slash)), head.slice(slash + 1), denies);
    if (!exact) return branchAt(this.#root, head, denies);
    const bucket = rootOf(this.#byBucket, head);
    bucket.itself ??= newBranch('');
    return branchAt(bucket.itself, '', denies);
  }

  /** Visits what may deny the action on the resource, and unless something does, what may allow it. */
  visit(text: ResourceText, action: string, visitor: EntryVisitor): void {
    // Beginnings without a slash end within the bucket's name, so that the whole text is not needed.
    const { bucket, rest = '', restAt, cleaned } = text;
    const named = this.#byBucket.get(bucket);
    const below = text.rest === undefined ? undefined : named;
    const itself = text.rest === undefined || cleaned === bucket ? named?.itself : undefined;
    const root = this.#root;
    // Where the path begins with the cleaned one, it has passed what that would pass.
    const other = cleaned === undefined || text.raw.startsWith(cleaned) ? undefined : cleaned;
    if (below !== undefined) walkDenying(below, rest, restAt, action, visitor, true);
    if (itself !== undefined && !visitor.denied) walkDenying(itself, '', 0, action, visitor, true);
    if (!visitor.denied) walkDenying(root, bucket, 0, action, visitor, true);
    if (other !== undefined && !visitor.denied) this.#visitCleaned(other, walkDenying, action, visitor);
    if (visitor.denied) return;
    if (below !== undefined && walkAllowing(below, rest, restAt, action, visitor, true)) return;
    if (itself !== undefined && walkAllowing(itself, '', 0, action, visitor, true)) return;
    if (walkAllowing(root, bucket, 0, action, visitor, true)) return;
    if (other !== undefined) this.#visitCleaned(other, walkAllowing, action, visitor);
  }

  /** Entries that the raw path passes, too, are visited twice, which changes nothing. */
  #visitCleaned(cleaned: string, walk: typeof walkAllowing, action: string, visitor: EntryVisitor): void {
    const slash = cleaned.indexOf('/');
    const bucket = slash === -1 ? cleaned : cleaned.slice(0, slash);
    const named = this.#byBucket.get(bucket);
    const below = slash === -1 ? named?.itself : named;
    if (below !== undefined && walk(below, cleaned, slash === -1 ? cleaned.length : slash + 1, action, visitor, false))
      return;
    walk(this.#root, bucket, 0, action, visitor, false);
  }
}
