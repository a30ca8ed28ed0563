// The words that documents of a dialect may use, for editors that complete them.
import { findDialect } from './dialect/index.ts';
import type { DialectName, PolicyKind } from './request.ts';

export interface Vocabulary {
  /** Sorted; actions of every service that the kind of document may name. */
  readonly actions: readonly string[];
  /** Condition keys, sorted. Empty where a dialect takes any key. */
  readonly keys: readonly string[];
  readonly operators: readonly string[];
}

/** The vocabulary of a kind of document. */
export function vocabularyOf(dialect: DialectName, kind: PolicyKind): Vocabulary {
  const found = findDialect(dialect);
  if (found === undefined) throw new Error(`no dialect is called ${dialect}`);
  const operators = [...found.conditions.operators].sort();
  const { grammar } = found;
  if (grammar.kind !== 'path') {
    return { actions: grammar.kind === 'tenant' ? [...grammar.actionNames].sort() : [], keys: [], operators };
  }
  const table = kind === 'bucket' ? grammar.bucketActions : grammar.identityActions;
  const admin = kind === 'bucket' ? [] : grammar.adminActions;
  const own = Object.values(table).flatMap((keys) => (keys === 'none' ? [] : keys));
  return {
    actions: [...new Set([...Object.keys(table), ...admin])].sort(),
    keys: [...new Set([...grammar.commonKeys, ...own])].sort(),
    operators,
  };
}
