// What can be asked about policies: is a document right, and what would be decided, and why.
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
