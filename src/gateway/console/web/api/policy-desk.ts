// What can be asked about policies: is a document right, and what would be decided, and why.
import type { AuditLine } from './audit.ts';
import { sendJson } from './request.ts';

const API = '/minio/console/api/policy';

export interface Issue {
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

export type DocumentKind = 'identity' | 'session' | 'bucket';

export async function validate(document: string, kind: DocumentKind, bucket = ''): Promise<Issue[]> {
  return (await sendJson<{ issues: Issue[] }>(`${API}/validate`, 'POST', { document, kind, bucket })).issues;
}

export interface Imagined {
  readonly accessKey: string;
  readonly action: string;
  readonly bucket: string;
  readonly key: string;
  readonly context: Readonly<Record<string, readonly string[]>>;
}

export interface StatementTrace {
  readonly statement: { readonly policy: string; readonly sid?: string; readonly index: number };
  readonly effect: 'Allow' | 'Deny';
  readonly matched: boolean;
  readonly failedElement?: string;
  readonly operator?: string;
  readonly key?: string;
  readonly wanted?: readonly string[];
  readonly seen?: readonly string[];
}

export interface Explained {
  readonly decision: {
    readonly outcome: string;
    readonly reason: string;
    readonly message: string;
    readonly by?: { readonly policy: string; readonly sid?: string; readonly index: number };
    readonly neededFacts: readonly string[];
  };
  readonly statements: readonly StatementTrace[];
}

export function explain(request: Imagined): Promise<Explained> {
  return sendJson<Explained>(`${API}/explain`, 'POST', request);
}

export interface Witness {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, readonly string[]>>;
}

export type Comparison =
  | {
      readonly kind: 'compared';
      readonly same: boolean;
      readonly newlyAllowed: readonly Witness[];
      readonly newlyDenied: readonly Witness[];
      /** The search ended before everything was tried. */
      readonly exhausted: boolean;
    }
  | { readonly kind: 'invalid'; readonly document: 'old' | 'new'; readonly issues: readonly Issue[] };

/** What a change of a document newly allows and denies. */
export function compare(before: string, after: string, kind: DocumentKind, bucket = ''): Promise<Comparison> {
  return sendJson<Comparison>(`${API}/diff`, 'POST', { before, after, kind, bucket });
}

export interface DecidedOtherwise {
  readonly decision: AuditLine;
  readonly before: string;
  readonly after: string;
}

/** Which requests of the last while a document, as the policy of that name or of that bucket, would have decided otherwise. */
export async function replay(
  of: { readonly name: string } | { readonly bucket: string },
  document: string,
): Promise<DecidedOtherwise[]> {
  return (await sendJson<{ requests: DecidedOtherwise[] }>(`${API}/replay`, 'POST', { ...of, document })).requests;
}

export interface Vocabulary {
  readonly actions: readonly string[];
  readonly keys: readonly string[];
  readonly operators: readonly string[];
}

const vocabularies = new Map<string, Promise<Vocabulary>>();

/** The words that a kind of document may use; asked for once. */
export function vocabulary(kind: DocumentKind): Promise<Vocabulary> {
  const known = vocabularies.get(kind);
  if (known !== undefined) return known;
  const asked = sendJson<Vocabulary>(`${API}/vocabulary?kind=${kind}`, 'GET');
  vocabularies.set(kind, asked);
  asked.catch(() => vocabularies.delete(kind));
  return asked;
}
