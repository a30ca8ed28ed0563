// Changes of the server configuration and of its history, as commands.
import { randomUUID } from 'node:crypto';
import { type IamRecords, isUnreadable } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import type { Command } from './command.ts';
import { ServerConfig } from './server-config.ts';
import { CONFIG_DOCUMENT, changeServerDocuments, HISTORY_PREFIX } from './server-documents.ts';

/** Most entries of the history that are kept; the oldest go first. */
export const MAX_HISTORY = 1_000;

const REGION = /^[a-zA-Z][a-zA-Z0-9_-]+$/;

/** The configuration as it is stored. Throws AdminRefusal. */
export function storedConfig(records: IamRecords): ServerConfig {
  const document = records.server.get(CONFIG_DOCUMENT);
  if (document === undefined) return ServerConfig.empty();
  if (isUnreadable(document)) throw new AdminRefusal('InternalError', 'The stored configuration cannot be read.');
  return ServerConfig.parse(document.text);
}

/** Sets the lines of a text and remembers it. */
export function setConfig(records: IamRecords, text: string, nowMs: number): Command {
  return change(
    (config) => requireRegion(config.with(text).config),
    new Map([[HISTORY_PREFIX + randomUUID(), text], ...forgotten(records)]),
    nowMs,
  );
}

/** Puts a whole configuration in place of the one that is, and remembers the text. */
export function importConfig(records: IamRecords, text: string, nowMs: number): Command {
  return change(
    () => requireRegion(ServerConfig.empty().with(text).config),
    new Map([[HISTORY_PREFIX + randomUUID(), text], ...forgotten(records)]),
    nowMs,
  );
}

/** Takes out what a text names. */
export function resetConfig(text: string, nowMs: number): Command {
  return change((config) => config.without(text), new Map(), nowMs);
}

/** Sets what an entry of the history set, and takes it out of the history. */
export function restoreConfig(records: IamRecords, id: string, nowMs: number): Command {
  const text = historyText(records, id);
  return change((config) => config.with(text).config, new Map([[HISTORY_PREFIX + id, undefined]]), nowMs);
}

/** The text of an entry of the history. Throws AdminRefusal when there is none. */
export function historyText(records: IamRecords, id: string): string {
  const entry = records.server.get(HISTORY_PREFIX + id);
  if (entry === undefined || isUnreadable(entry))
    throw new AdminRefusal('ConfigNotFound', `There is no history entry ${id}.`);
  return entry.text;
}

/** Forgets an entry of the history, or ('all') all of it. */
export function clearHistory(records: IamRecords, id: string, nowMs: number): Command {
  if (id !== 'all') historyText(records, id);
  const names = id === 'all' ? history(records).map((entry) => entry.id) : [id];
  return changeServerDocuments([], () => new Map(names.map((each) => [HISTORY_PREFIX + each, undefined])), nowMs);
}

export interface HistoryEntry {
  readonly id: string;
  readonly text: string;
  readonly createdMs: number;
}

/** The history, oldest first. */
export function history(records: IamRecords): HistoryEntry[] {
  return [...records.server]
    .flatMap(([name, document]) => {
      if (!name.startsWith(HISTORY_PREFIX) || isUnreadable(document)) return [];
      return [{ id: name.slice(HISTORY_PREFIX.length), text: document.text, createdMs: document.modifiedMs }];
    })
    .sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
}

function forgotten(records: IamRecords): [string, undefined][] {
  const entries = history(records);
  return entries
    .slice(0, Math.max(0, entries.length - MAX_HISTORY + 1))
    .map(({ id }) => [HISTORY_PREFIX + id, undefined]);
}

function change(
  next: (config: ServerConfig) => ServerConfig,
  others: ReadonlyMap<string, string | undefined>,
  nowMs: number,
): Command {
  return changeServerDocuments(
    [CONFIG_DOCUMENT],
    (current) => {
      const config = ServerConfig.parse(current.get(CONFIG_DOCUMENT) ?? '');
      return new Map<string, string | undefined>([[CONFIG_DOCUMENT, next(config).toJson()], ...others]);
    },
    nowMs,
  );
}

function requireRegion(config: ServerConfig): ServerConfig {
  const name = config.targets('region')[0]?.values.get('name') ?? '';
  if (name !== '' && !REGION.test(name)) {
    throw new AdminRefusal(
      'ConfigError',
      `region '${name}' is invalid, expected simple characters such as [us-east-1, myregion...]`,
    );
  }
  return config;
}
