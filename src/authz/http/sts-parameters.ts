// The parameters that calls of the Security Token Service share: how long, with which inline policy, under which name.
import type { AdminService } from './admin-service.ts';
import { type HttpRequest, parseForm } from './http-request.ts';
import { StsRefusal } from './sts-reply.ts';

export type StsParameters = ReadonlyMap<string, string>;

/** Life of a session, seconds. */
export const MIN_DURATION_SECONDS = 900;
export const MAX_DURATION_SECONDS = 604_800;
export const DEFAULT_DURATION_SECONDS = 3600;
/** AWS: characters of an inline policy. */
export const MAX_POLICY_CHARACTERS = 2048;

/** The form's parameters over the query's; undefined when one of the two cannot be read. */
export function readParameters(request: HttpRequest): StsParameters | undefined {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? '');
  const form = isForm ? parseForm(request.body.toString('utf8')) : [];
  return form === undefined ? undefined : new Map([...request.query, ...form]);
}

/** Seconds. Throws StsRefusal. */
export function readDuration(parameters: StsParameters): number {
  const text = parameters.get('DurationSeconds') ?? '';
  if (text === '') return DEFAULT_DURATION_SECONDS;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= MIN_DURATION_SECONDS && seconds <= MAX_DURATION_SECONDS)) {
    throw new StsRefusal(
      'InvalidParameterValue',
      `DurationSeconds must be a whole number from ${MIN_DURATION_SECONDS} to ${MAX_DURATION_SECONDS}.`,
    );
  }
  return seconds;
}

/** The inline policy; undefined = none. Throws StsRefusal. */
export function readPolicy(service: AdminService, parameters: StsParameters): string | undefined {
  const text = parameters.get('Policy');
  if (text === undefined) return undefined;
  if (text.length < 1 || text.length > MAX_POLICY_CHARACTERS) {
    throw new StsRefusal('InvalidParameterValue', `Policy must have 1 to ${MAX_POLICY_CHARACTERS} characters.`);
  }
  const problem = service.rules.policyProblem(text, 'session');
  if (problem !== undefined) throw new StsRefusal('MalformedPolicyDocument', problem);
  return text;
}

/** AWS: the name of a session, 2 to 64 of these characters. What is none is no name: the parameter has no meaning of its own here. */
export function readSessionName(parameters: StsParameters): string {
  const text = parameters.get('RoleSessionName') ?? '';
  return /^[\w+=,.@-]{2,64}$/.test(text) ? text : '';
}

/** Throws StsRefusal for a parameter that is not there, or empty. */
export function requireParameter(parameters: StsParameters, name: string): string {
  const text = parameters.get(name) ?? '';
  if (text === '') throw new StsRefusal('MissingParameter', `${name} is missing.`);
  return text;
}
