// A credential as the snapshot holds it: whose it is, its secret, and what it may act on.
import type { ExternalIdentity } from './external-identity.ts';

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** The rights of a service account or session: its parent's, and what its own token adds. */
export interface Delegation {
  /** Access key of the user (or root) whose rights it has. */
  readonly parent: string;
  /**
   * How its token limits it. 'inherit': not at all; 'policy': to that document as well; 'broken': the token does not stand
   * (signed with another root secret, malformed), so nothing is allowed.
   */
  readonly limit:
    | { readonly kind: 'inherit' }
    | { readonly kind: 'policy'; readonly document: string }
    | { readonly kind: 'broken'; readonly why: string };
}

export type Credential =
  | (Keys & { readonly type: 'Root' })
  | (Keys & { readonly type: 'User'; readonly enabled: boolean })
  | (Keys & Delegation & { readonly type: 'ServiceAccount'; readonly enabled: boolean; readonly expiresAtMs?: number })
  | (Keys &
      Delegation & {
        readonly type: 'Session';
        readonly enabled: boolean;
        readonly sessionToken: string;
        readonly expiresAtMs: number;
        /** Whose it is, when another system vouched for them: then `parent` is that identity's name, and no record here. */
        readonly external?: ExternalIdentity;
        /** What its owner called it (RoleSessionName); '' when nothing. */
        readonly sessionName: string;
      });

/** Finds credentials by access key, disabled and expired ones too. */
export interface CredentialSource {
  find(accessKey: string): Credential | undefined;
}
