// The one place that speaks to the policy engine. Until the engine is there, only the root user may do anything.
import type { Decision, DialectName, PolicyRequest } from '../policy/request.ts';

export interface PolicySettings {
  readonly dialect: DialectName;
  /** Whom bucket policies bind. */
  readonly bucketPolicies: 'everyone' | 'anonymous';
}
export interface Policy {
  readonly name: string;
}
export type ParsedDocument =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly problem: string };
export interface DocumentOf {
  readonly kind: 'identity' | 'session' | 'bucket';
  readonly name: string;
  readonly bucket?: string;
}
export function parseDocument(_text: string, _of: DocumentOf, _settings: PolicySettings): ParsedDocument {
  return { ok: false, problem: 'not yet' };
}
export interface Program {
  readonly x: number;
}
export interface PolicySet {
  readonly identity: readonly Policy[];
  readonly session: Policy | undefined;
  readonly bucket: Policy | undefined;
}
export function compileProgram(_set: PolicySet, _settings: PolicySettings): Program {
  return { x: 1 };
}
export function decide(_program: Program, _request: PolicyRequest): Decision {
  return { outcome: 'ImplicitDeny', reason: 'NoPolicyAllows' };
}
export const CANNED: ReadonlyMap<string, string> = new Map();
export function cannedPolicy(_name: string, _settings: PolicySettings): ParsedDocument | undefined {
  return undefined;
}
