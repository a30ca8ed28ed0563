// What all administrative commands share: they work on a volume's database and store directly, without a session of their own.
import { type FormatRecord, requireVersion } from '../format/format-record.ts';
import type { MetaEngine } from '../meta/engine.ts';
import { openEngine } from '../meta/meta-url.ts';
import { loadFormat } from '../open-volume.ts';
import type { VolumeLog } from '../volume-options.ts';

export interface AdminOptions {
  /** As in VolumeOptions. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: VolumeLog;
  /** Hears of long work: how many of what were handled so far, and their bytes where that says something. */
  readonly onProgress?: (what: string, count: number, bytes?: number) => void;
}

/** Runs with the engine and format of a volume. */
export async function withVolume<T>(
  metaUrl: string,
  options: AdminOptions & { readonly readOnly?: boolean; readonly anyVersion?: boolean },
  body: (engine: MetaEngine, format: FormatRecord) => Promise<T>,
): Promise<T> {
  const engine = await openEngine(metaUrl, {
    readOnly: options.readOnly === true,
    environment: options.environment,
  });
  try {
    const format = await loadFormat(engine);
    if (options.anyVersion !== true) requireVersion(format);
    return await body(engine, format);
  } finally {
    await engine.close();
  }
}

/** JSON as the Go client prints it: two spaces, and whole numbers of any size. */
export function jsonText(value: unknown, indent = 2): string {
  const text = JSON.stringify(
    value,
    (_key, member) => (typeof member === 'bigint' ? `\u0001${member}` : member),
    indent,
  );
  return escapeHtml(text.replace(/"\\u0001(-?\d+)"/g, '$1'));
}

/** Go's JSON is fit to stand in HTML. */
function escapeHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
