// What the Security Token Service works on beside the records: decisions about those who have no credentials yet, and the systems
// that vouch for them.
import type { Answer, Ask, PreparedAccess } from '../identity/authorizer.ts';
import type { ExternalIdentity } from '../identity/external-identity.ts';
import type { Identified } from '../identity/principal.ts';
import type { LdapDirectory } from '../identity/provider/ldap.ts';
import type { OpenIdProviders } from '../identity/provider/openid.ts';
import type { AdminService } from './admin-service.ts';

export interface StsService {
  readonly admin: AdminService;
  /** Decides for somebody who was identified here, and leaves a line in the audit log. */
  answerFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): Answer | Promise<Answer>;
  prepareFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): readonly PreparedAccess[];
  /** Names of the policies of an external identity that there are. */
  policiesOf(external: ExternalIdentity): readonly string[];
  readonly openId: OpenIdProviders;
  /** Undefined when none is configured. */
  readonly directory: LdapDirectory | undefined;
  /** Whether client certificates are taken for identities. */
  readonly certificates: boolean;
}
