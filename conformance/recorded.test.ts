// Vectors recorded from real engines, against the policy engine in this process: decisions, parsing, key tables, condition keys of
// requests, primitives. An answer that differs must be covered by a rule of departures.json.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  admittedKeys,
  askDocuments,
  canonicalHeader,
  type DialectName,
  type DocumentQuestion,
  deriveConditions,
  inspectPolicy,
  type PolicyKind,
  PRIMITIVES,
} from '../src/authz/policy/index.ts';
import { type DepartingVector, departureRule, differingNames } from './departures.ts';

type Vector = Record<string, unknown> & DepartingVector & { readonly id: string };

const OUTCOMES = {
  Allow: 'ALLOW',
  ExplicitDeny: 'EXPLICIT_DENY',
  ImplicitDeny: 'DENY',
  EvaluationError: 'ERROR',
  NeedsFacts: 'ERROR',
} as const;

const FOLDER = join(import.meta.dirname, 'vectors');
const vectors = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.jsonl.gz'))
  .flatMap((name) =>
    gunzipSync(readFileSync(join(FOLDER, name)))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Vector),
  );
/** Every key of the key table. */
const KEY_NAMES = [...new Set(vectors.flatMap(({ keys }) => (Array.isArray(keys) ? (keys as string[]) : [])))];
const NOW = Date.UTC(2026, 2, 1, 12);

function outcome(question: DocumentQuestion): string {
  const answer = askDocuments(question);
  return answer.kind === 'invalid' ? 'INVALID' : OUTCOMES[answer.decision.outcome];
}

function decide(vector: Vector, dialect: DialectName): string {
  return outcome({
    dialect,
    scope: vector.kind as DocumentQuestion['scope'],
    documents: vector.policies as DocumentQuestion['documents'],
    ...(vector.request as unknown as Pick<DocumentQuestion, 'principal' | 'action' | 'resource' | 'conditions'>),
    ...(typeof vector.tenant === 'string' ? { tenant: vector.tenant } : {}),
  });
}

function keysOf(vector: Vector): ReadonlyMap<string, readonly string[]> {
  const { username, root, claims, locationConstraint } = vector as unknown as Parameters<typeof deriveConditions>[1];
  const requester = { username, root, claims, ...(locationConstraint ? { locationConstraint } : {}) };
  const http = vector.http as unknown as Parameters<typeof deriveConditions>[0];
  return deriveConditions(http, requester, { nowMs: NOW, trustedPeer: true });
}

/** The recorded and the derived values of the keys there are, by flat name. */
function keyMaps(vector: Vector): { wanted: Record<string, unknown>; got: Record<string, unknown> } {
  const expected = vector.expect as Readonly<Record<string, readonly string[]>>;
  const wanted: Record<string, unknown> = {};
  const got: Record<string, unknown> = {};
  const keys = keysOf(vector);
  const now = (values: readonly string[] | undefined) =>
    values?.map((value) => (value === '2026-03-01T12:00:00Z' || value === String(NOW / 1000) ? '<now>' : value));
  for (const key of KEY_NAMES) {
    const name = key.slice(key.indexOf(':') + 1);
    const recorded = expected[canonicalHeader(name.toLowerCase())] ?? expected[name];
    if (recorded !== undefined) wanted[name] = recorded;
    const values = now(keys.get(key));
    if (values !== undefined) got[name] = values;
  }
  return { wanted, got };
}

/** Undefined when the answer is right or a rule covers it. */
function difference(vector: Vector, dialect: DialectName): string | undefined {
  const judged = (wanted: unknown, got: unknown): string | undefined => {
    const right = wanted === 'ERROR' ? got !== 'ALLOW' && got !== 'INVALID' : got === wanted;
    if (right || departureRule(vector, dialect, wanted, got) !== undefined) return undefined;
    return `${vector.id} ${dialect}: ${String(got)} instead of ${String(wanted)}`;
  };
  const by = (name: string): unknown =>
    vector[name] ?? (vector[`${name}_by`] as Record<string, unknown> | undefined)?.[dialect];
  switch (vector.kind) {
    case 'identity':
    case 'session':
    case 'bucket':
    case 'anonymous':
    case 'combined':
      return (vector.invalid_in as string[] | undefined)?.includes(dialect)
        ? undefined
        : judged(by('expect'), decide(vector, dialect));
    case 'http': {
      const { policies, username, action, resource } = vector as unknown as DocumentQuestion & {
        policies: DocumentQuestion['documents'];
        username: string;
      };
      const got = outcome({
        dialect,
        scope: policies.bucket ? 'bucket' : 'identity',
        documents: policies,
        principal: { type: username === '' ? 'Anonymous' : 'User', user: username },
        action,
        resource,
        conditions: Object.fromEntries(keysOf(vector)),
      });
      return judged(vector.expect, got);
    }
    case 'conditions': {
      const { wanted, got } = keyMaps(vector);
      const names = differingNames(wanted, got);
      if (names.length === 0 || departureRule(vector, dialect, wanted, got) !== undefined) return undefined;
      return `${vector.id}: ${names.join(', ')}`;
    }
    case 'parse': {
      const text = vector.document as string;
      const parser = vector.parser as string;
      const kinds: Record<string, PolicyKind> = { resource: 'bucket', identity: 'identity', bucket: 'bucket' };
      const inspection = inspectPolicy(text, {
        kind: kinds[parser] ?? (text.includes('"Principal"') ? 'bucket' : 'identity'),
        dialect,
        ...(typeof vector.bucket === 'string' ? { bucket: vector.bucket } : {}),
        ...(typeof vector.tenant === 'string' ? { tenant: vector.tenant } : {}),
      });
      const strict =
        dialect === 'minio' && parser === 'identity' ? (vector.minio_strict_valid ?? by('valid')) : undefined;
      return (
        judged(by('valid'), inspection.valid) ??
        (by('storable') === undefined ? undefined : judged(by('storable'), inspection.storable)) ??
        (strict === undefined ? undefined : judged(strict, inspection.strictlyValid))
      );
    }
    case 'key-table': {
      const keys = admittedKeys(vector.action as string, KEY_NAMES, { dialect, kind: vector.parser as PolicyKind });
      const text = (list: readonly string[] | null): string => JSON.stringify(list && [...list].sort());
      return judged(text(vector.keys as string[] | null), text(keys));
    }
    case 'wildcard':
      return judged(
        vector.expect,
        PRIMITIVES.wildcard(vector.pattern as string, vector.text as string, vector.ignoreCase as boolean),
      );
    case 'segment-match':
      return judged(
        vector.expect,
        PRIMITIVES.segments(vector.pattern as string, vector.text as string, vector.mode as 'action' | 'arn'),
      );
    case 'cidr': {
      const got = PRIMITIVES.cidr(vector.text as string);
      return judged(vector.expect, got !== null) ?? (vector.normalized ? judged(vector.normalized, got) : undefined);
    }
    case 'source-ip':
      return judged(
        vector.expect,
        PRIMITIVES.sourceIp(vector.remoteAddrParam as string, vector.env as Record<string, string>),
      );
    default:
      return `${vector.id}: unknown kind ${vector.kind}`;
  }
}

describe('recorded answers', () => {
  const families = [...new Set(vectors.map(({ family }) => family))].sort();

  it('are all read', () => expect(vectors.length).toBe(23_497));

  it.each(families)('%s', (family) => {
    const different = vectors
      .filter((vector) => vector.family === family)
      .flatMap((vector) => vector.dialects.map((dialect) => difference(vector, dialect as DialectName)))
      .filter((line) => line !== undefined);
    expect(different).toEqual([]);
  });
});
