// How long a session may last by the policies of whose it is: `sts:DurationSeconds` as a condition on the sts actions.
// Assuming needs no permission. Where policies speak of it, they bind: a Deny refuses, and an Allow with a condition on the
// duration limits it, whatever the client asked for.
import { explainDecision } from '../identity/policy-program.ts';
import type { Identified } from '../identity/principal.ts';
import type { HttpRequest } from './http-request.ts';
import type { StsService } from './sts-service.ts';

const KEY = 'sts:DurationSeconds';

/** Seconds, at most those asked for; undefined when it may not be at all. */
export async function allowedDuration(
  service: StsService,
  identified: Identified,
  action: string,
  asked: number,
  request: HttpRequest,
): Promise<number | undefined> {
  const ask = (seconds: number) => ({
    accesses: [{ action, resource: '', context: {}, resourceAccount: '' }],
    context: request.context,
    derived: new Map([[KEY, [String(seconds)]]]),
  });
  const allows = (seconds: number): boolean => {
    const [prepared] = service.prepareFor(identified, ask(seconds));
    return (
      prepared?.rights.kind === 'program' &&
      explainDecision(prepared.rights.program, prepared.request).decision.outcome === 'Allow'
    );
  };
  const answer = await service.answerFor(identified, ask(asked));
  const outcome = answer.kind === 'decided' ? answer.decisions[0]?.outcome : undefined;
  if (outcome === 'Allow') return asked;
  if (outcome !== 'ImplicitDeny') return undefined;
  const [prepared] = service.prepareFor(identified, ask(asked));
  if (prepared?.rights.kind !== 'program') return undefined;
  const conditional = explainDecision(prepared.rights.program, prepared.request).statements.filter(
    ({ effect, failedElement }) => effect === 'Allow' && failedElement === 'Condition',
  );
  if (conditional.length === 0) return asked;
  const limits = conditional
    .filter(({ key }) => key === KEY)
    .flatMap(({ wanted = [] }) => wanted.map(Number))
    .flatMap((value) => [value, value - 1])
    .filter((seconds) => Number.isSafeInteger(seconds) && seconds > 0 && seconds < asked);
  return limits.sort((a, b) => b - a).find(allows);
}
