// Documents of the service itself: its configuration and the history of that, and what else a part of it keeps.
import { isUnreadable, type ServerDocument } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import type { Command } from './command.ts';

/** The configuration of all sub-systems, as JSON: MinIO's config.json. */
export const CONFIG_DOCUMENT = 'config';
/** Before the id of a former state of the configuration, kept as the text that set it. */
export const HISTORY_PREFIX = 'history/';

/** Documents of the service that are changed together: what to write and (undefined) what to remove, by name. */
export type ServerChanges = ReadonlyMap<string, string | undefined>;

/**
 * Changes documents of the service: `decide` gets those named, as they are stored now ('' when there is none), and says what
 * becomes of them and of others. May throw AdminRefusal. All writers of the store wait for each other, so nothing is lost between.
 */
export function changeServerDocuments(
  names: readonly string[],
  decide: (current: ReadonlyMap<string, string>) => ServerChanges,
  nowMs: number,
): Command {
  for (const name of names) checkName(name);
  return {
    touched: { server: names },
    decide(records) {
      const current = new Map(names.map((name) => [name, readable(records.server.get(name))]));
      const server = new Map<string, ServerDocument | undefined>();
      for (const [name, text] of decide(current)) {
        checkName(name);
        server.set(name, text === undefined ? undefined : { text, modifiedMs: nowMs });
      }
      return { server };
    },
  };
}

function readable(document: ServerDocument | { readonly unreadable: string } | undefined): string {
  if (document === undefined) return '';
  if (isUnreadable(document)) {
    throw new AdminRefusal('InternalError', `A document of the service cannot be read: ${document.unreadable}.`);
  }
  return document.text;
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9-]+(\/[A-Za-z0-9-]+)?$/.test(name) || name.length > 200) {
    throw new AdminRefusal('InvalidArgument', `No document of the service has the name ${JSON.stringify(name)}.`);
  }
}
