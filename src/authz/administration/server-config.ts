// The server configuration: sub-systems with their targets, each a list of keys and values. Read from and written as the JSON that
// `juicefs gateway` keeps, and the text in which people write it: SUBSYSTEM[:TARGET] KEY=VALUE KEY2="VALUE 2" …, one target a line.
import { z } from 'zod';
import { AdminRefusal } from './admin-refusal.ts';
import { SUBSYSTEMS, type SubSystem, subSystem } from './config-subsystems.ts';

/** The name of the target that was given none. */
export const DEFAULT_TARGET = '_';
const ENABLE = 'enable';
const COMMENT = 'comment';

type KeyValues = readonly (readonly [key: string, value: string])[];
/** Target → keys and values, in order. Null: MinIO's word for none. */
type Targets = ReadonlyMap<string, KeyValues>;

const StoredValues = z.array(z.object({ key: z.string(), value: z.string() })).nullable();
const StoredConfig = z.record(z.string(), z.record(z.string(), StoredValues));

/** What MinIO's file has and people are not shown. */
const HIDDEN: readonly (readonly [name: string, values: KeyValues])[] = [
  [
    'credentials',
    [
      ['access_key', 'minioadmin'],
      ['secret_key', 'minioadmin'],
    ],
  ],
  ['storage_class', []],
];

/** One target of a sub-system. */
export interface ConfigTarget {
  readonly subSystem: string;
  readonly target: string;
  readonly values: ReadonlyMap<string, string>;
}

export class ServerConfig {
  readonly #subSystems: ReadonlyMap<string, Targets>;

  private constructor(subSystems: ReadonlyMap<string, Targets>) {
    this.#subSystems = subSystems;
  }

  /** Of a service in which nothing was configured yet. */
  static empty(): ServerConfig {
    return new ServerConfig(
      new Map<string, Targets>([
        ...SUBSYSTEMS.map(({ name, defaults }) => [name, new Map([[DEFAULT_TARGET, defaults]])] as const),
        ...HIDDEN.map(([name, values]) => [name, new Map([[DEFAULT_TARGET, values]])] as const),
      ]),
    );
  }

  /** Reads the stored text; '' is the empty configuration. Throws AdminRefusal when it cannot be read. */
  static parse(text: string): ServerConfig {
    if (text === '') return ServerConfig.empty();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new AdminRefusal('InternalError', 'The stored configuration cannot be read.', { cause });
    }
    const stored = StoredConfig.safeParse(json);
    if (!stored.success) throw new AdminRefusal('InternalError', 'The stored configuration cannot be read.');
    return new ServerConfig(
      new Map(
        Object.entries(stored.data).map(([name, targets]) => [
          name,
          new Map(
            Object.entries(targets).map(([target, values]) => [
              target,
              (values ?? []).map((pair) => [pair.key, pair.value] as const),
            ]),
          ),
        ]),
      ),
    );
  }

  /** The text to store. */
  toJson(): string {
    const names = [...this.#subSystems.keys()].sort();
    return JSON.stringify(
      Object.fromEntries(
        names.map((name) => [
          name,
          Object.fromEntries(
            [...(this.#subSystems.get(name) ?? [])].map(([target, values]) => [
              target,
              values.length === 0 ? null : values.map(([key, value]) => ({ key, value })),
            ]),
          ),
        ]),
      ),
    );
  }

  /** Every target of a sub-system, the default one first; keys that are not set have their defaults. */
  targets(name: string): ConfigTarget[] {
    const known = subSystem(name);
    const targets = this.#subSystems.get(name) ?? new Map<string, KeyValues>();
    const names = [...new Set([DEFAULT_TARGET, ...targets.keys()])];
    return names.map((target) => ({
      subSystem: name,
      target,
      values: new Map(withDefaults(targets.get(target) ?? [], known)),
    }));
  }

  /** Lines as `mc admin config get` prints them, of the sub-systems whose name begins so, or of one target. */
  lines(selector: string): string[] {
    const [name = '', target] = splitTarget(selector);
    const chosen = SUBSYSTEMS.filter((each) =>
      target === undefined ? each.name.startsWith(name) : each.name === name,
    );
    if (name === '' || chosen.length === 0) throw configError(`unknown sub-system ${selector}`);
    const lines = chosen.flatMap((each) => this.targets(each.name));
    if (target === undefined) return lines.map(configLine);
    const found = lines.find((each) => each.target === target && this.#subSystems.get(name)?.has(target) === true);
    if (found === undefined) throw configError(`sub-system target '${selector}' doesn't exist`);
    return [configLine(found)];
  }

  /** The whole configuration as text that can be read again; what is off is commented out. */
  exportLines(): string[] {
    return SUBSYSTEMS.filter(({ defaults }) => defaults.length > 0)
      .flatMap(({ name }) => this.targets(name))
      .map((target) => (isEnabled(target) ? '' : '# ') + configLine(target));
  }

  /**
   * With the lines of a text set. Throws AdminRefusal.
   * @returns the new configuration, the targets that were set, and whether they all act at once
   */
  with(text: string): { config: ServerConfig; changed: ConfigTarget[]; dynamic: boolean } {
    const subSystems = new Map([...this.#subSystems].map(([name, targets]) => [name, new Map(targets)]));
    const changed: ConfigTarget[] = [];
    let dynamic = true;
    for (const line of meaningfulLines(text)) {
      const { known, target, given } = parseLine(line);
      const before = withDefaults(subSystems.get(known.name)?.get(target) ?? [], known);
      const values = new Map(before);
      const takesEnable = known.defaults.some(([key]) => key === ENABLE);
      // MinIO: setting a target turns it on, unless told otherwise
      if (takesEnable && !given.has(ENABLE)) values.set(ENABLE, 'on');
      for (const [key, value] of given) values.set(key, value);
      const now = { subSystem: known.name, target, values };
      requireKeys(known, now);
      const targets = subSystems.get(known.name) ?? new Map<string, KeyValues>();
      targets.set(target, [...values]);
      subSystems.set(known.name, targets);
      changed.push(now);
      dynamic &&= known.dynamic;
    }
    if (changed.length === 0) throw configError('there is nothing to set');
    return { config: new ServerConfig(subSystems), changed, dynamic };
  }

  /** Without the targets that a text names: SUBSYSTEM[:TARGET] a line. Throws AdminRefusal. */
  without(text: string): ServerConfig {
    const subSystems = new Map([...this.#subSystems].map(([name, targets]) => [name, new Map(targets)]));
    for (const line of meaningfulLines(text)) {
      if (/\s/.test(line)) throw configError(`invalid number of arguments ${line}`);
      const [name = '', target] = splitTarget(line);
      const known = subSystem(name);
      if (known === undefined) throw configError(`unknown sub-system ${line}`);
      if (target === '') throw configError(`sub-system target '${line}' cannot be empty`);
      const targets = subSystems.get(name) ?? new Map<string, KeyValues>();
      if (target === undefined || target === DEFAULT_TARGET) targets.set(DEFAULT_TARGET, known.defaults);
      else if (!targets.delete(target)) throw configError(`sub-system ${line} already deleted`);
      subSystems.set(name, targets);
    }
    return new ServerConfig(subSystems);
  }
}

/** Whether a target is on. */
export function isEnabled({ subSystem: name, values }: ConfigTarget): boolean {
  const enable = values.get(ENABLE);
  if (enable !== undefined) return enable === 'on';
  const first = { cache: 'drives', identity_openid: 'config_url', identity_ldap: 'server_addr', policy_opa: 'url' }[
    name
  ];
  return first === undefined || (values.get(first) ?? '') !== '';
}

function configLine({ subSystem: name, target, values }: ConfigTarget): string {
  const pairs = [...values]
    .filter(([key, value]) => !(key === ENABLE && value === 'on'))
    .map(([key, value]) => `${key}=${/\s/.test(value) ? `"${value}"` : value} `);
  return `${name}${target === DEFAULT_TARGET ? '' : `:${target}`} ${pairs.join('')}`;
}

function withDefaults(values: KeyValues, known: SubSystem | undefined): KeyValues {
  const given = new Set(values.map(([key]) => key));
  return [...values, ...(known?.defaults ?? []).filter(([key]) => !given.has(key))];
}

function meaningfulLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function splitTarget(text: string): [name: string, target?: string] {
  const at = text.indexOf(':');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function parseLine(line: string): { known: SubSystem; target: string; given: ReadonlyMap<string, string> } {
  const [head = '', ...rest] = line.split(/\s+(.*)/s);
  const [name = '', target = DEFAULT_TARGET] = splitTarget(head);
  const known = subSystem(name);
  if (known === undefined) throw configError(`unknown sub-system ${line}`);
  if (target !== DEFAULT_TARGET && !known.multipleTargets) {
    throw configError(`sub-system '${name}' only supports single target`);
  }
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(target)) {
    throw configError(`the name of a target has 1 to 64 of A-Z, a-z, 0-9, '_', '.' and '-': ${head}`);
  }
  const given = parsePairs(rest[0] ?? '', known);
  if (given.size === 0) throw configError(`sub-system '${name}' cannot have empty keys`);
  return { known, target, given };
}

/**
 * Values may hold spaces and equal signs (connection strings do), with or without quotes: a value goes on until the next key of the
 * sub-system.
 */
function parsePairs(text: string, known: SubSystem): ReadonlyMap<string, string> {
  const keys = new Set([...known.defaults.map(([key]) => key), ...known.keys.map(({ key }) => key), COMMENT]);
  const starts = [...text.matchAll(/(?<=^|\s)([a-z_]+)=/g)].filter(
    (match) => keys.has(match[1] ?? '') && !insideQuotes(text, match.index),
  );
  const first = starts[0]?.index ?? text.length;
  if (text.slice(0, first).trim() !== '') {
    throw configError(`found invalid keys (${text.slice(0, first).trim()}) for '${known.name}' sub-system`);
  }
  const pairs = new Map<string, string>();
  for (const [i, match] of starts.entries()) {
    const value = text.slice(match.index + match[0].length, starts[i + 1]?.index ?? text.length).trim();
    pairs.set(match[1] ?? '', unquoted(value));
  }
  return pairs;
}

/** Whether a place lies between two double quotes of which the first follows a key. */
function insideQuotes(text: string, index: number): boolean {
  const before = text.slice(0, index);
  const opened = before.lastIndexOf('="');
  return opened >= 0 && !/"(\s|$)/.test(before.slice(opened + 2)) && text.indexOf('"', index) >= 0;
}

function unquoted(value: string): string {
  const [, double] = /^"(.*)"$/s.exec(value) ?? [];
  const [, single] = /^'(.*)'$/s.exec(value) ?? [];
  return double ?? single ?? value;
}

/** Keys that must be set while the target is on. */
function requireKeys(known: SubSystem, target: ConfigTarget): void {
  if (target.values.has(ENABLE) && !['on', 'off'].includes(target.values.get(ENABLE) ?? '')) {
    throw configError(`enable must be on or off, not '${target.values.get(ENABLE)}'`);
  }
  if (!isEnabled(target)) return;
  const missing = known.keys.find(({ key, optional }) => !optional && (target.values.get(key) ?? '') === '');
  if (missing !== undefined) {
    throw configError(
      `'${missing.key}' is not optional for '${known.name}' sub-system, please check '${known.name}' documentation`,
    );
  }
}

function configError(message: string): AdminRefusal {
  return new AdminRefusal('ConfigError', message);
}
