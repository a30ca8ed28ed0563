// What is known where an element of a statement is read.
import type { Dialect } from '../dialect/dialect.ts';
import type { PolicyKind } from '../request.ts';
import type { PolicyIssue } from './policy-issue.ts';

export interface StatementContext {
  readonly dialect: Dialect;
  readonly kind: PolicyKind;
  readonly name: string;
  readonly bucket?: string;
  readonly index: number;
  readonly path: string;
  readonly issues: PolicyIssue[];
}
