// The statements of some documents, by what their resources begin with (a tree of common beginnings) and by action. A decision walks
// the tree along its resource and meets only statements that can match; how many others there are does not count.
import type { ActionMatcher } from './match/action.ts';
import type { CompiledResource, ResourceText } from './match/resource.ts';
import type { CompiledStatement } from './policy.ts';

/** A statement with the one of its resources that stands at a place of the tree; undefined: all of them are to be looked at. */
export interface IndexEntry {
  readonly statement: CompiledStatement;
  readonly resource: CompiledResource | undefined;
}

interface Group {
  readonly actions: ActionMatcher;
  readonly entries: IndexEntry[];
}

/** What stands at one beginning. */
class Place {
  readonly #groups = new Map<string, Group>();
  /** Groups of a few names, by each name. */
  readonly #byName = new Map<string, Group[]>();
  readonly #others: Group[] = [];

  add(entry: IndexEntry): void {
    const { actions } = entry.statement;
    const known = this.#groups.get(actions.id);
    if (known !== undefined) {
      known.entries.push(entry);
      return;
    }
    const group: Group = { actions, entries: [entry] };
    this.#groups.set(actions.id, group);
    if (actions.names === undefined) {
      this.#others.push(group);
      return;
    }
    for (const name of actions.names) {
      const named = this.#byName.get(name);
      if (named === undefined) this.#byName.set(name, [group]);
      else named.push(group);
    }
  }

  /** Looks at the entries whose actions match; true when the visitor has seen enough. */
  visit(action: string, visitor: EntryVisitor): boolean {
    const named = this.#byName.get(action);
    if (named !== undefined) {
      for (const group of named) {
        // A group of known names may still refuse names that do not exist.
        if (group.actions.matches(action) && visitAll(group.entries, visitor)) return true;
      }
    }
    for (const group of this.#others) {
      if (group.actions.matches(action) && visitAll(group.entries, visitor)) return true;
    }
    return false;
  }
}

/** Sees entries one by one; true ends the walk. */
export interface EntryVisitor {
  visit(entry: IndexEntry): boolean;
}

function visitAll(entries: readonly IndexEntry[], visitor: EntryVisitor): boolean {
  for (const entry of entries) if (visitor.visit(entry)) return true;
  return false;
}

interface Branch {
  label: string;
  place: Place | undefined;
  children: Map<number, Branch> | undefined;
}

/** Statements of one effect. */
class HeadTree {
  readonly #root: Branch = { label: '', place: undefined, children: undefined };
  #empty = true;

  add(head: string, entry: IndexEntry): void {
    this.#empty = false;
    const branch = this.#branchOf(head);
    branch.place ??= new Place();
    branch.place.add(entry);
  }

  #branchOf(head: string): Branch {
    let branch = this.#root;
    let at = 0;
    while (at < head.length) {
      branch.children ??= new Map();
      const code = head.charCodeAt(at);
      const child = branch.children.get(code);
      if (child === undefined) {
        const leaf: Branch = { label: head.slice(at), place: undefined, children: undefined };
        branch.children.set(code, leaf);
        return leaf;
      }
      let shared = 1;
      while (
        shared < child.label.length &&
        at + shared < head.length &&
        child.label.charCodeAt(shared) === head.charCodeAt(at + shared)
      )
        shared++;
      if (shared < child.label.length) {
        const upper: Branch = {
          label: child.label.slice(0, shared),
          place: undefined,
          children: new Map([[child.label.charCodeAt(shared), child]]),
        };
        child.label = child.label.slice(shared);
        branch.children.set(code, upper);
        branch = upper;
      } else branch = child;
      at += shared;
    }
    return branch;
  }

  walk(text: string, action: string, visitor: EntryVisitor, skipRoot: boolean): boolean {
    if (this.#empty) return false;
    let branch = this.#root;
    let at = 0;
    if (!skipRoot && branch.place !== undefined && branch.place.visit(action, visitor)) return true;
    for (;;) {
      const child = branch.children?.get(text.charCodeAt(at));
      if (child === undefined || !text.startsWith(child.label, at)) return false;
      at += child.label.length;
      branch = child;
      if (branch.place?.visit(action, visitor)) return true;
    }
  }
}

/** Immutable once built. */
export class StatementIndex {
  /** In the order of the documents. */
  readonly all: readonly CompiledStatement[];
  /** Some statement may turn out not to be decidable: then all that may match are looked at, in whatever order. */
  readonly mayFault: boolean;
  readonly #denying = new HeadTree();
  readonly #allowing = new HeadTree();

  constructor(statements: readonly CompiledStatement[]) {
    this.all = statements;
    this.mayFault = statements.some(
      ({ conditions, principals }) => principals?.mayFault === true || conditions.some(({ test }) => test.mayFault),
    );
    for (const statement of statements) {
      const tree = statement.effect === 'Deny' ? this.#denying : this.#allowing;
      if (!statement.resourceCounts || statement.negatedResources || statement.service === 'kms') {
        tree.add('', { statement, resource: undefined });
      } else for (const resource of statement.resources) tree.add(resource.head, { statement, resource });
    }
  }

  /** Visits what may deny the action on the resource. */
  visitDenying(text: ResourceText, action: string, visitor: EntryVisitor): boolean {
    return walkBoth(this.#denying, text, action, visitor);
  }

  /** Visits what may allow it. */
  visitAllowing(text: ResourceText, action: string, visitor: EntryVisitor): boolean {
    return walkBoth(this.#allowing, text, action, visitor);
  }
}

function walkBoth(tree: HeadTree, text: ResourceText, action: string, visitor: EntryVisitor): boolean {
  if (tree.walk(text.raw, action, visitor, false)) return true;
  const { cleaned } = text;
  // What the cleaned path shares with the raw one has been seen.
  return cleaned !== undefined && !text.raw.startsWith(cleaned) && tree.walk(cleaned, action, visitor, true);
}
