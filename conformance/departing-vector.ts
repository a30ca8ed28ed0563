// A vector as the rules of departures look at it: read out of its line, with what does not have the form it should have left out.
import { type DepartingVector, departureRule } from './departures.ts';
import type { Outcome } from './outcome.ts';
import { isObject, type Json, type JsonObject, type Vector } from './vector.ts';

/** The name of the rule by which the recorded answer is not the one to give; undefined when none says so. */
export function departureOf(vector: Vector, dialect: string, expected: Outcome, outcome: Outcome): string | undefined {
  return departureRule(departingVector(vector), dialect, expected, outcome)?.rule;
}

function departingVector({ question, dialects, line }: Vector): DepartingVector {
  const { family, kind } = question;
  const { policies, request, action, http, claims } = line;
  return {
    family,
    kind,
    dialects,
    ...(isObject(policies) ? { policies: { ...policies, identity: listOf(policies.identity) } } : {}),
    ...(isObject(request) && typeof request.action === 'string' ? { request: { action: request.action } } : {}),
    ...(typeof action === 'string' ? { action } : {}),
    ...(isObject(http) ? { http: httpOf(http) } : {}),
    ...(isObject(claims) ? { claims } : {}),
  };
}

function httpOf({ query, headers }: JsonObject): NonNullable<DepartingVector['http']> {
  return {
    query: typeof query === 'string' ? query : '',
    headers: isObject(headers)
      ? Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, listOf(values).map(String)]))
      : {},
  };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
