// Lifecycle rules: when objects end by themselves. What a volume without versions and with one storage class cannot do is refused, but
// for rules about old versions, of which there are none.
// AWS: "Lifecycle configuration elements".
import { S3Error } from '../s3/errors.ts';
import { readXml, type XmlElement, xmlChild, xmlChildren, xmlText } from '../s3/xml.ts';
import type { Tag } from './tag-set.ts';

/** Most bytes of a LifecycleConfiguration. */
export const MAX_LIFECYCLE_DOCUMENT_BYTES = 256 * 1024;
/** AWS: most rules, and most characters of a rule's id. */
export const MAX_LIFECYCLE_RULES = 1000;
export const MAX_RULE_ID_CHARACTERS = 255;
const DAY_MS = 86_400_000;
const LARGEST_DAYS = 2_147_483_647;

export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly prefix: string;
  readonly tags: readonly Tag[];
  /** Bytes: only objects that are larger, and that are smaller. */
  readonly largerThan: number | undefined;
  readonly smallerThan: number | undefined;
  /** Objects end so many days after they were put. */
  readonly days: number | undefined;
  /** Objects end at this time, Unix milliseconds. */
  readonly dateMs: number | undefined;
  /** Uploads in parts end so many days after they began. */
  readonly abortDays: number | undefined;
}

/** Reads and judges a LifecycleConfiguration. Throws MalformedXML, InvalidArgument, InvalidRequest, NotImplemented. */
export function parseLifecycle(document: Uint8Array): readonly LifecycleRule[] {
  const root = readXml(document, 'LifecycleConfiguration', MAX_LIFECYCLE_DOCUMENT_BYTES);
  const rules = xmlChildren(root, 'Rule').map(parseRule);
  if (rules.length === 0 || rules.length > MAX_LIFECYCLE_RULES) {
    throw new S3Error('MalformedXML', `A lifecycle configuration has 1 to ${MAX_LIFECYCLE_RULES} rules.`);
  }
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (id === '') continue;
    if (ids.has(id))
      throw new S3Error('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
    ids.add(id);
  }
  return rules;
}

function parseRule(rule: XmlElement): LifecycleRule {
  const id = xmlText(rule, 'ID')?.trim() ?? '';
  if (id.length > MAX_RULE_ID_CHARACTERS) {
    throw new S3Error('InvalidArgument', `ID length should not exceed allowed limit of ${MAX_RULE_ID_CHARACTERS}`);
  }
  const status = xmlText(rule, 'Status')?.trim();
  if (status !== 'Enabled' && status !== 'Disabled') throw new S3Error('MalformedXML');
  for (const transition of xmlChildren(rule, 'Transition')) {
    const date = xmlText(transition, 'Date')?.trim();
    if (date !== undefined) readDate(date);
  }
  if (xmlChild(rule, 'Transition') !== undefined || xmlChild(rule, 'NoncurrentVersionTransition') !== undefined) {
    throw new S3Error('NotImplemented', 'There is one storage class: objects cannot change theirs.');
  }
  const expiration = xmlChild(rule, 'Expiration');
  const abort = xmlChild(rule, 'AbortIncompleteMultipartUpload');
  const noncurrent = xmlChild(rule, 'NoncurrentVersionExpiration');
  if (expiration === undefined && abort === undefined && noncurrent === undefined) throw new S3Error('MalformedXML');
  if (noncurrent !== undefined) {
    const count = xmlText(noncurrent, 'NewerNoncurrentVersions');
    if (xmlText(noncurrent, 'NoncurrentDays') !== undefined) readDays(noncurrent, 'NoncurrentDays', 1);
    else if (count === undefined) throw new S3Error('MalformedXML');
  }
  const filter = readFilter(rule);
  const abortDays = abort === undefined ? undefined : readDays(abort, 'DaysAfterInitiation', 1);
  if (abort !== undefined && filter.tags.length > 0) {
    throw new S3Error('InvalidRequest', 'AbortIncompleteMultipartUpload cannot be specified with Tags.');
  }
  return { id, enabled: status === 'Enabled', ...filter, ...readExpiration(expiration), abortDays };
}

function readExpiration(expiration: XmlElement | undefined): Pick<LifecycleRule, 'days' | 'dateMs'> {
  if (expiration === undefined) return { days: undefined, dateMs: undefined };
  const date = xmlText(expiration, 'Date')?.trim();
  const hasDays = xmlChild(expiration, 'Days') !== undefined;
  const marker = xmlChild(expiration, 'ExpiredObjectDeleteMarker') !== undefined;
  if (Number(date !== undefined) + Number(hasDays) + Number(marker) !== 1) throw new S3Error('MalformedXML');
  if (date !== undefined) {
    return { days: undefined, dateMs: readDate(date) };
  }
  return { days: hasDays ? readDays(expiration, 'Days', 1) : undefined, dateMs: undefined };
}

/** Midnight of a day, Unix milliseconds. */
function readDate(text: string): number {
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text);
  if (!isDate || Number.isNaN(Date.parse(text))) throw new S3Error('MalformedXML');
  const dateMs = Date.parse(text);
  if (dateMs % DAY_MS !== 0) throw new S3Error('InvalidArgument', "'Date' must be at midnight GMT");
  return dateMs;
}

function readDays(element: XmlElement, name: string, least: number): number {
  const text = xmlText(element, name)?.trim() ?? '';
  if (!/^-?\d{1,12}$/.test(text)) throw new S3Error('MalformedXML');
  const days = Number(text);
  if (days < least || days > LARGEST_DAYS) {
    throw new S3Error('InvalidArgument', `'${name}' for the action must be a positive integer`);
  }
  return days;
}

type Filter = Pick<LifecycleRule, 'prefix' | 'tags' | 'largerThan' | 'smallerThan'>;

/** The filter, or the older Prefix in its place. */
function readFilter(rule: XmlElement): Filter {
  const filter = xmlChild(rule, 'Filter');
  const old = xmlText(rule, 'Prefix');
  if (filter !== undefined && old !== undefined) throw new S3Error('MalformedXML');
  if (filter === undefined) return { prefix: old ?? '', tags: [], largerThan: undefined, smallerThan: undefined };
  const and = xmlChild(filter, 'And');
  const conditions = filter.children.length;
  if (conditions > 1 || (and !== undefined && and.children.length < 2)) throw new S3Error('MalformedXML');
  const where = and ?? filter;
  const tags = xmlChildren(where, 'Tag').map((tag) => {
    const [key, value] = [xmlText(tag, 'Key'), xmlText(tag, 'Value')];
    if (key === undefined || value === undefined) throw new S3Error('MalformedXML');
    return { key, value };
  });
  return {
    prefix: xmlText(where, 'Prefix') ?? '',
    tags,
    largerThan: readBytes(where, 'ObjectSizeGreaterThan'),
    smallerThan: readBytes(where, 'ObjectSizeLessThan'),
  };
}

function readBytes(element: XmlElement, name: string): number | undefined {
  const text = xmlText(element, name)?.trim();
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('MalformedXML');
  return Number(text);
}

/** The document with an id for every rule that came without, as AWS gives them. */
export function withRuleIds(document: Buffer, newId: () => string): Buffer {
  const rules = parseLifecycle(document);
  const text = document.toString('utf8');
  const starts = [...text.matchAll(/<(\w+:)?Rule(?:\s[^>]*)?>/g)];
  if (starts.length !== rules.length || rules.every(({ id }) => id !== '')) return document;
  let next = '';
  let from = 0;
  for (const [i, start] of starts.entries()) {
    const end = start.index + start[0].length;
    const space = start[1] ?? '';
    next += text.slice(from, end);
    if (rules[i]?.id === '') next += `<${space}ID>${newId()}</${space}ID>`;
    from = end;
  }
  return Buffer.from(next.replace(/<(?:\w+:)?ID\s*\/>|<(\w+:)?ID>\s*<\/\1?ID>/g, '') + text.slice(from));
}

/** AWS: so many days after a moment, and then at the next midnight, UTC. */
export function dueMs(fromMs: number, days: number): number {
  return Math.ceil((fromMs + days * DAY_MS) / DAY_MS) * DAY_MS;
}

/** An object as rules look at it. */
export interface RuledObject {
  readonly key: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly tags: readonly Tag[];
}

/** True when a rule says that the object has ended. */
export function hasExpired(rule: LifecycleRule, object: RuledObject, nowMs: number): boolean {
  if (!rule.enabled || !covers(rule, object)) return false;
  if (rule.dateMs !== undefined) return nowMs >= rule.dateMs;
  return rule.days !== undefined && nowMs >= dueMs(object.modifiedMs, rule.days);
}

function covers(rule: LifecycleRule, { key, size, tags }: RuledObject): boolean {
  return (
    key.startsWith(rule.prefix) &&
    (rule.largerThan === undefined || size > rule.largerThan) &&
    (rule.smallerThan === undefined || size < rule.smallerThan) &&
    rule.tags.every((wanted) => tags.some(({ key: name, value }) => name === wanted.key && value === wanted.value))
  );
}

/** True when a rule says that an upload in parts has ended. */
export function uploadHasExpired(rule: LifecycleRule, key: string, begunMs: number, nowMs: number): boolean {
  return (
    rule.enabled &&
    rule.abortDays !== undefined &&
    key.startsWith(rule.prefix) &&
    nowMs >= dueMs(begunMs, rule.abortDays)
  );
}
