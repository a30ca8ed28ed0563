// What a refused caller is told: who it is, what it asked for, and whether nothing allows it or something denies it. As AWS words it;
// who comes without credentials is told nothing.
import type { AccessDecision } from './authorizer.ts';
import { type Identified, principalArn } from './principal.ts';

/** AWS: "Troubleshoot access denied error messages". '' for the anonymous, and for what is not a refusal. */
export function denialMessage(
  identified: Identified,
  account: string,
  { action, resource }: { readonly action: string; readonly resource: string },
  decision: AccessDecision,
): string {
  if (identified.type === 'Anonymous') return '';
  const why = reasonText(action, decision);
  if (why === undefined) return '';
  const who = principalArn(identified, account);
  return `User: ${who} is not authorized to perform: ${action} on resource: ${JSON.stringify(resource)} ${why}`;
}

function reasonText(action: string, { outcome, reason, by }: AccessDecision): string | undefined {
  switch (outcome) {
    case 'ExplicitDeny':
      return `with an explicit deny in ${kindOfPolicy(by?.policy ?? '')}`;
    case 'ImplicitDeny':
      return `because no ${reason.startsWith('SessionPolicy') ? 'session' : 'identity-based'} policy allows the ${action} action`;
    case 'EvaluationError':
      return 'because a policy that applies could not be evaluated';
    default:
      return undefined;
  }
}

function kindOfPolicy(name: string): string {
  if (name.startsWith('bucket:')) return 'a resource-based policy';
  return name === 'session' ? 'a session policy' : 'an identity-based policy';
}
