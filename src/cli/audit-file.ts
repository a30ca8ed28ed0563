// Audit lines out of files, for the commands that read them again. A line that is none is told, never left out silently.
import { createReadStream } from 'node:fs';
import { linesOf } from '../../conformance/json-lines.ts';
import type { AuditEntry } from '../authz/audit/audit-log.ts';
import { UsageError } from './root-credentials.ts';

/** The lines of files, in the order given. Throws UsageError for a file that cannot be read and a line that is none. */
export async function* readAuditLines(files: readonly string[], exitCode: number): AsyncGenerator<AuditEntry> {
  for (const file of files) {
    const input = file === '-' ? process.stdin : createReadStream(file);
    let number = 0;
    try {
      for await (const text of linesOf(input)) {
        number += 1;
        if (text.trim() !== '') yield readLine(text);
      }
    } catch (cause) {
      const where = number === 0 ? file : `${file}:${number}`;
      throw new UsageError(`--audit: ${where}: ${cause instanceof Error ? cause.message : String(cause)}`, exitCode);
    }
  }
}

function readLine(text: string): AuditEntry {
  const line: unknown = JSON.parse(text);
  if (typeof line !== 'object' || line === null) throw new Error('it is no audit line');
  const entry = line as Partial<AuditEntry>;
  const texts = [entry.requestId, entry.action, entry.resource, entry.outcome, entry.principalType, entry.accessKey];
  if (!texts.every((member) => typeof member === 'string')) throw new Error('it is no audit line');
  return {
    time: '',
    sourceAddress: '',
    parent: '',
    principal: '',
    reason: '',
    accesses: [],
    context: {},
    latencyMs: 0,
    revision: '',
    ...entry,
  } as AuditEntry;
}
