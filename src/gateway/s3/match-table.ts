// Which operation a request is: the rows of the operation table, sorted once, the most specific that holds first.
import { S3Error } from './errors.ts';
import type { Operation, RouteMatch } from './operation.ts';
import { namedSubResources } from './sub-resource.ts';

/** What tells operations apart. */
export interface Matchable {
  readonly method: string;
  readonly target: RouteMatch['target'];
  readonly query: ReadonlyMap<string, string>;
  readonly headers: ReadonlyMap<string, string>;
}

/** Finds the operation of a request. */
export interface MatchTable {
  /**
   * Throws MethodNotAllowed when no row is for this method and target, InvalidRequest when a request names two sub-resources
   * that no row takes together.
   */
  find(request: Matchable): Operation<unknown>;
}

interface Row {
  readonly operation: Operation<unknown>;
  readonly match: RouteMatch;
  readonly queryNames: ReadonlySet<string>;
  readonly weight: number;
}

/**
 * @param operations the operation table; two rows that hold for the same requests are a fault and throw
 * @param fallbacks rows that give way to an equal one of the table
 */
export function compileMatchTable(
  operations: readonly Operation<unknown>[],
  fallbacks: readonly Operation<unknown>[] = [],
): MatchTable {
  const bySlot = new Map<string, Row[]>();
  const taken = new Map<string, string>();
  const add = (operation: Operation<unknown>, mayGiveWay: boolean): void => {
    const shape = shapeOf(operation.match);
    const before = taken.get(shape);
    if (before !== undefined) {
      if (mayGiveWay) return;
      throw new Error(`${operation.name} and ${before} match the same requests`);
    }
    taken.set(shape, operation.name);
    const slot = slotOf(operation.match.method, operation.match.target);
    const rows = bySlot.get(slot);
    if (rows === undefined) bySlot.set(slot, [toRow(operation)]);
    else rows.push(toRow(operation));
  };
  for (const operation of operations) add(operation, false);
  for (const operation of fallbacks) add(operation, true);
  for (const rows of bySlot.values()) rows.sort((a, b) => b.weight - a.weight);

  return {
    find(request) {
      const rows = bySlot.get(slotOf(request.method, request.target)) ?? [];
      const named = request.query.size === 0 ? [] : namedSubResources(request.method, request.query.keys());
      const row = rows.find((candidate) => holds(candidate, request, named));
      if (row !== undefined) return row.operation;
      if (named.length > 1) {
        throw new S3Error('InvalidRequest', `The parameters ${named.join(' and ')} do not go together.`);
      }
      throw new S3Error('MethodNotAllowed');
    },
  };
}

function holds(row: Row, request: Matchable, named: readonly string[]): boolean {
  const { query, queryValue, header } = row.match;
  for (const name of named) if (!row.queryNames.has(name)) return false;
  for (const name of query ?? []) if (!request.query.has(name)) return false;
  for (const [name, value] of Object.entries(queryValue ?? {})) if (request.query.get(name) !== value) return false;
  for (const name of header ?? []) if (!request.headers.has(name)) return false;
  return true;
}

function toRow(operation: Operation<unknown>): Row {
  const { match } = operation;
  const query = match.query ?? [];
  const values = Object.keys(match.queryValue ?? {});
  return {
    operation,
    match,
    queryNames: new Set([...query, ...values]),
    // a value says more than a presence, either says more than nothing, and so does a header
    weight: 4 * values.length + 3 * query.length + (match.header?.length ?? 0),
  };
}

function slotOf(method: string, target: string): string {
  return `${method} ${target}`;
}

function shapeOf(match: RouteMatch): string {
  const values = Object.entries(match.queryValue ?? {}).sort();
  return JSON.stringify([
    match.method,
    match.target,
    [...(match.query ?? [])].sort(),
    values,
    [...(match.header ?? [])].sort(),
  ]);
}
