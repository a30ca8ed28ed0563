// Effect: Allow or Deny, nothing else.
import { nearest, type PolicyIssue } from './policy-issue.ts';

/** Reads the element; an issue for anything else. */
export function readEffect(
  effect: string | undefined,
  path: string,
  issues: PolicyIssue[],
): 'Allow' | 'Deny' | undefined {
  if (effect === 'Allow' || effect === 'Deny') return effect;
  const suggestion = effect === undefined ? undefined : nearest(effect.trim(), ['Allow', 'Deny']);
  issues.push({
    code: 'InvalidEffect',
    path: `${path}.Effect`,
    message: `Effect must be "Allow" or "Deny"${effect === undefined ? '' : `, not ${JSON.stringify(effect)}`}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
  return undefined;
}
