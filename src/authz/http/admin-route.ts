// What a row of the admin API's table is.
import type { AccessDecision } from '../identity/authorizer.ts';
import type { AdminCall, AdminReply } from './admin-call.ts';

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Behind the version; a last part of '*' is any one name. */
  readonly path: string;
  /** The action that the caller must be allowed. */
  readonly action: string;
  /**
   * A narrower action that some calls are: those who are allowed it need not be allowed `action`, and those who are denied it may not
   * make the call. Undefined for the others.
   */
  narrower?(call: AdminCall): string | undefined;
  /** The handler judges the decision itself, because people may do some of it to what is their own. */
  readonly selfService?: true;
  handle(call: AdminCall, decision: AccessDecision): Promise<AdminReply>;
}
