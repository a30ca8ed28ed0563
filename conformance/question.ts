// A vector's members, read into the question that its kind asks of a policy engine. Targets of this project answer these; other engines
// get the members as they stand.
import type { DialectName, DocumentQuestion, HttpRequest, PolicyKind, Requester } from '../src/authz/policy/index.ts';
import { isObject, type Json, type JsonObject, type Question } from './vector.ts';

export type EngineQuestion =
  | { readonly ask: 'decide'; readonly question: DocumentQuestion }
  | {
      readonly ask: 'decideRequest';
      readonly question: Omit<DocumentQuestion, 'conditions'>;
      readonly http: HttpRequest;
      readonly requester: Requester;
    }
  | { readonly ask: 'derive'; readonly http: HttpRequest; readonly requester: Requester }
  | {
      readonly ask: 'inspect';
      readonly text: string;
      /** A document that may be of several kinds is read as each, and is valid when it is as one. */
      readonly kinds: readonly PolicyKind[];
      readonly bucket: string | undefined;
      readonly tenant: string | undefined;
    }
  | { readonly ask: 'admittedKeys'; readonly action: string; readonly kind: PolicyKind }
  | { readonly ask: 'wildcard'; readonly pattern: string; readonly text: string; readonly ignoreCase: boolean }
  | { readonly ask: 'segments'; readonly pattern: string; readonly text: string; readonly mode: 'action' | 'arn' }
  | { readonly ask: 'cidr'; readonly text: string }
  | {
      readonly ask: 'sourceIp';
      readonly remoteAddrParam: string;
      readonly env: Readonly<Record<string, string>>;
    };

/** The vector lacks what its kind needs. */
export class MalformedVector extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedVector';
  }
}

/** Throws MalformedVector. */
export function engineQuestion({ kind, members }: Question, dialect: DialectName): EngineQuestion {
  switch (kind) {
    case 'conditions':
      return { ask: 'derive', ...httpOf(members) };
    case 'http':
      return { ask: 'decideRequest', ...httpOf(members), question: httpQuestion(members, dialect) };
    case 'parse': {
      const { bucket, tenant } = members;
      return {
        ask: 'inspect',
        text: textOf(members, 'document'),
        kinds: kindsOf(members),
        bucket: typeof bucket === 'string' ? bucket : undefined,
        tenant: typeof tenant === 'string' ? tenant : undefined,
      };
    }
    case 'key-table':
      return { ask: 'admittedKeys', action: textOf(members, 'action'), kind: kindsOf(members)[0] ?? 'identity' };
    case 'wildcard': {
      const ignoreCase = members.ignoreCase === true;
      return { ask: 'wildcard', pattern: textOf(members, 'pattern'), text: textOf(members, 'text'), ignoreCase };
    }
    case 'segment-match': {
      const mode = oneOf(members, 'mode', ['action', 'arn'] as const);
      return { ask: 'segments', pattern: textOf(members, 'pattern'), text: textOf(members, 'text'), mode };
    }
    case 'cidr':
      return { ask: 'cidr', text: textOf(members, 'text') };
    case 'source-ip':
      return { ask: 'sourceIp', remoteAddrParam: textOf(members, 'remoteAddrParam'), env: textsOf(members.env ?? {}) };
    default: {
      const request = objectOf(members, 'request');
      const { tenant } = members;
      return {
        ask: 'decide',
        question: {
          dialect,
          scope: kind,
          documents: documentsOf(members),
          principal: principalOf(objectOf(request, 'principal')),
          action: textOf(request, 'action'),
          resource: textsOf(objectOf(request, 'resource')),
          conditions: valuesOf(request.conditions ?? {}),
          ...(typeof tenant === 'string' ? { tenant } : {}),
        },
      };
    }
  }
}

function httpQuestion(members: JsonObject, dialect: DialectName): Omit<DocumentQuestion, 'conditions'> {
  const { username, root, claims, policies } = members;
  const user = typeof username === 'string' ? username : '';
  const ofBucket = isObject(policies) && isObject(policies.bucket);
  const type = user === '' ? 'Anonymous' : root === true ? 'Account' : isEmpty(claims) ? 'User' : 'AssumedRole';
  return {
    dialect,
    // A document of a bucket is asked about for whoever comes; those of a user are the user's.
    scope: ofBucket ? 'bucket' : 'identity',
    documents: documentsOf(members),
    principal: { type, user },
    action: textOf(members, 'action'),
    resource: textsOf(objectOf(members, 'resource')),
  };
}

const PRINCIPAL_TYPES = [
  'Anonymous',
  'Account',
  'Root',
  'User',
  'AssumedRole',
  'FederatedUser',
  'Tenant',
  'None',
] as const satisfies readonly DocumentQuestion['principal']['type'][];

function principalOf(members: JsonObject): DocumentQuestion['principal'] {
  const { account, user, groups, arn, claims } = members;
  return {
    type: oneOf(members, 'type', PRINCIPAL_TYPES),
    ...(typeof account === 'string' ? { account } : {}),
    ...(typeof user === 'string' ? { user } : {}),
    ...(Array.isArray(groups) ? { groups: groups.map(String) } : {}),
    ...(typeof arn === 'string' ? { arn } : {}),
    ...(isObject(claims) ? { claims } : {}),
  };
}

function isEmpty(value: Json | undefined): boolean {
  return !isObject(value) || Object.keys(value).length === 0;
}

function documentsOf(members: JsonObject): DocumentQuestion['documents'] {
  const { identity = [], session = null, bucket = null, boundary = null } = objectOf(members, 'policies');
  const document = (value: Json): object | string | null => {
    if (value === null || typeof value === 'string') return value;
    if (typeof value === 'object') return value;
    throw new MalformedVector('a policy is neither a JSON object nor text');
  };
  if (!Array.isArray(identity)) throw new MalformedVector('policies.identity is not a list');
  return {
    identity: identity.map((one) => document(one) ?? '{}'),
    session: document(session),
    bucket: document(bucket),
    boundary: document(boundary),
  };
}

function httpOf(members: JsonObject): { http: HttpRequest; requester: Requester } {
  const http = objectOf(members, 'http');
  const { username, root, claims, locationConstraint } = members;
  return {
    http: {
      method: textOf(http, 'method'),
      query: textOf(http, 'query'),
      headers: valuesOf(http.headers ?? {}),
      remoteAddr: textOf(http, 'remoteAddr'),
      tls: http.tls === true,
    },
    requester: {
      username: typeof username === 'string' ? username : '',
      root: root === true,
      claims: isObject(claims) ? claims : {},
      ...(typeof locationConstraint === 'string' ? { locationConstraint } : {}),
    },
  };
}

/** `resource` is another word for `bucket`. */
function kindsOf(members: JsonObject): readonly PolicyKind[] {
  switch (oneOf(members, 'parser', ['identity', 'bucket', 'resource', 'any'] as const)) {
    case 'identity':
      return ['identity'];
    case 'any':
      return ['bucket', 'identity'];
    default:
      return ['bucket'];
  }
}

function objectOf(members: JsonObject, name: string): JsonObject {
  const value = members[name];
  if (!isObject(value)) throw new MalformedVector(`${name} is not an object`);
  return value;
}

function textOf(members: JsonObject, name: string): string {
  const value = members[name];
  if (typeof value !== 'string') throw new MalformedVector(`${name} is not a text`);
  return value;
}

function oneOf<T extends string>(members: JsonObject, name: string, allowed: readonly T[]): T {
  const value = allowed.find((one) => one === members[name]);
  if (value === undefined) throw new MalformedVector(`${name} is none of ${allowed.join(', ')}`);
  return value;
}

function textsOf(value: Json): Record<string, string> {
  if (!isObject(value)) throw new MalformedVector('an object of texts was expected');
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}

function valuesOf(value: Json): Record<string, readonly string[]> {
  if (!isObject(value)) throw new MalformedVector('an object of lists was expected');
  return Object.fromEntries(
    Object.entries(value).map(([name, values]) => {
      if (!Array.isArray(values)) throw new MalformedVector(`the values of ${name} are not a list`);
      return [name, values.map(String)];
    }),
  );
}
