// Policies as documents: stored ones, built-in ones, and the sum of a user's.
import { groupsListing, policiesOf } from '../administration/command.ts';
import { isUnreadable } from '../store/iam-store.ts';
import type { AdminService } from './admin-service.ts';

const VERSION = '2012-10-17';

interface Document {
  readonly Version?: unknown;
  readonly Statement?: unknown;
}

/** A policy's document: the stored one, else the built-in one of the name. Undefined when there is none that reads. */
export function policyDocument(service: AdminService, name: string): Document | undefined {
  const stored = service.records.policies.get(name);
  if (stored === undefined) {
    const builtIn = service.builtInPolicies.get(name);
    return builtIn === undefined ? undefined : readDocument(builtIn);
  }
  return typeof stored === 'string' ? readDocument(stored) : undefined;
}

/** All policies that read, sorted by name. */
export function policyDocuments(service: AdminService): [string, Document][] {
  const names = new Set([...service.builtInPolicies.keys(), ...service.records.policies.keys()]);
  return [...names].sort().flatMap((name) => {
    const document = policyDocument(service, name);
    return document === undefined ? [] : [[name, document] as [string, Document]];
  });
}

/** All statements of the policies of a user and of its enabled groups, in one document. */
export function combinedPolicy(service: AdminService, user: string): Document {
  const { records } = service;
  const groups = groupsListing(records, user).filter((name) => {
    const group = records.groups.get(name);
    return group !== undefined && !isUnreadable(group) && group.enabled;
  });
  const names = new Set([
    ...policiesOf(records.userPolicies.get(user)),
    ...groups.flatMap((group) => policiesOf(records.groupPolicies.get(group))),
  ]);
  const statements = [...names].flatMap((name) => {
    const statement = policyDocument(service, name)?.Statement;
    return Array.isArray(statement) ? statement : statement === undefined ? [] : [statement];
  });
  return { Version: VERSION, Statement: statements };
}

/** Reads a stored text; one that was damaged there is left out of lists. */
export function readDocument(text: string): Document | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
