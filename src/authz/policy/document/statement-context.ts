// What is known where an element of a document is read.
import type { Dialect } from '../dialect/dialect.ts';
import type { PolicyKind } from '../request.ts';
import type { CompiledConditions } from './conditions.ts';
import type { PolicyIssue } from './policy-issue.ts';

export interface DocumentContext {
  readonly dialect: Dialect;
  readonly kind: PolicyKind;
  /** The name that decisions give the policy. */
  readonly name: string;
  readonly bucket?: string;
  readonly tenant?: string;
  /** Also apply the checks that only new documents must pass. */
  readonly fresh?: boolean;
  /** Also apply the checks of storing. */
  readonly strict?: boolean;
  readonly issues: PolicyIssue[];
  /** Conditions of the document that are compiled already. */
  readonly compiled: CompiledConditions;
}

export interface StatementContext<G> extends DocumentContext {
  readonly grammar: G;
  readonly index: number;
  /** JSON path of the statement. */
  readonly path: string;
}
