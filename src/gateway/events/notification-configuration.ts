// The notification configuration of a bucket: read from and written as the XML that S3, mc and the Go gateway share.
import { S3Error } from '../s3/errors.ts';
import { type EventName, eventsOfName } from '../s3/event-name.ts';
import { element, readXml, type XmlElement, xmlChild, xmlChildren, xmlDocument, xmlText } from '../s3/xml.ts';
import { type EventFilter, type EventRule, filtersOverlap } from './event-filter.ts';
import { parseTargetArn, type TargetArn, type TargetId, targetArn } from './target-name.ts';

/** Most bytes of a document. */
export const MAX_NOTIFICATION_BYTES = 256 * 1024;
/** AWS: most configurations of one bucket. */
export const MAX_QUEUE_CONFIGURATIONS = 100;
/** S3: most bytes of a prefix or suffix. */
const MAX_FILTER_BYTES = 1024;

/** One QueueConfiguration. */
export interface QueueConfiguration {
  readonly id: string;
  readonly arn: TargetArn;
  /** As written, wildcards included. */
  readonly events: readonly string[];
  readonly prefix: string | undefined;
  readonly suffix: string | undefined;
}

/** What a configuration may name. */
export interface KnownTargets {
  readonly region: string;
  readonly targets: ReadonlySet<string>;
  /** Targets that need not be there any more. */
  readonly kept: ReadonlySet<string>;
}

/** Reads a stored or sent document. Throws MalformedXML, InvalidArgument. */
export function readNotificationXml(document: Uint8Array): readonly QueueConfiguration[] {
  const root = readXml(document, 'NotificationConfiguration', MAX_NOTIFICATION_BYTES);
  for (const { name } of root.children) {
    if (
      name === 'TopicConfiguration' ||
      name === 'CloudFunctionConfiguration' ||
      name.endsWith('FunctionConfiguration')
    ) {
      throw new S3Error(
        'NotImplemented',
        'Only QueueConfiguration is supported: events go to the targets of the gateway.',
      );
    }
    if (name !== 'QueueConfiguration')
      throw new S3Error('MalformedXML', `${name} is not part of a notification configuration.`);
  }
  const queues = xmlChildren(root, 'QueueConfiguration').map(readQueue);
  if (queues.length > MAX_QUEUE_CONFIGURATIONS) {
    throw new S3Error(
      'InvalidArgument',
      `A bucket has at most ${MAX_QUEUE_CONFIGURATIONS} notification configurations.`,
    );
  }
  return queues;
}

function readQueue(queue: XmlElement): QueueConfiguration {
  const text = xmlText(queue, 'Queue')?.trim() ?? '';
  const arn = parseTargetArn(text);
  if (arn === undefined) throw unknownArn(text);
  const events = xmlChildren(queue, 'Event').map((event) => event.text.trim());
  if (events.length === 0) throw new S3Error('MalformedXML', 'A QueueConfiguration names at least one Event.');
  for (const [i, name] of events.entries()) {
    if (eventsOfName(name) === undefined)
      throw invalidArgument('A specified event is not supported for notifications.', name);
    if (events.indexOf(name) !== i) throw invalidArgument('An event is named twice in one configuration.', name);
  }
  const filter = xmlChild(queue, 'Filter');
  return { id: xmlText(queue, 'Id')?.trim() ?? '', arn, events, ...readFilter(filter) };
}

function readFilter(filter: XmlElement | undefined): { prefix: string | undefined; suffix: string | undefined } {
  const values: { prefix: string | undefined; suffix: string | undefined } = { prefix: undefined, suffix: undefined };
  const key = filter === undefined ? undefined : xmlChild(filter, 'S3Key');
  for (const rule of key === undefined ? [] : xmlChildren(key, 'FilterRule')) {
    const name = (xmlText(rule, 'Name') ?? '').trim().toLowerCase();
    const value = xmlText(rule, 'Value') ?? '';
    if (name !== 'prefix' && name !== 'suffix') {
      throw invalidArgument('filter rule name must be either prefix or suffix', name);
    }
    if (values[name] !== undefined)
      throw invalidArgument(`Cannot specify more than one ${name} rule in a filter.`, value);
    requireFilterValue(value);
    values[name] = value;
  }
  return values;
}

/** Throws InvalidArgument for what cannot be the beginning or end of a key. */
export function requireFilterValue(value: string): void {
  if (Buffer.byteLength(value) > MAX_FILTER_BYTES) {
    throw invalidArgument('Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation', '');
  }
  if (value.includes('\\') || value.split('/').some((part) => part === '.' || part === '..')) {
    throw invalidArgument('A filter rule value names no object key.', value);
  }
}

/** What a bucket is to have: each ARN known and of this region, no two configurations of one target with events in common. */
export function checkQueues(queues: readonly QueueConfiguration[], known: KnownTargets): readonly QueueConfiguration[] {
  for (const [i, queue] of queues.entries()) {
    const { arn } = queue;
    if (arn.region !== '' && known.region !== '' && arn.region !== known.region) {
      throw invalidArgument(
        'A specified destination is in a different region than the bucket. You must use a destination that resides in the same region as the bucket.',
        targetArn(arn),
      );
    }
    if (!known.targets.has(arn.target) && !known.kept.has(arn.target)) throw unknownArn(targetArn(arn));
    for (const other of queues.slice(0, i)) {
      if (other.arn.target === arn.target && filtersOverlap(filterOf(other), filterOf(queue))) {
        throw invalidArgument(
          'An object key name filtering rule defined with overlapping prefixes, overlapping suffixes, or overlapping combinations of prefixes and suffixes for the same event types.',
          targetArn(arn),
        );
      }
    }
  }
  return queues.map((queue) => ({ ...queue, arn: { ...queue.arn, region: known.region } }));
}

/** The document. */
export function notificationXml(queues: readonly QueueConfiguration[]): string {
  return xmlDocument(
    'NotificationConfiguration',
    queues.map(({ id, arn, events, prefix, suffix }) => {
      const rules = (
        [
          ['prefix', prefix],
          ['suffix', suffix],
        ] as const
      ).flatMap(([name, value]) =>
        value === undefined ? [] : [element('FilterRule', element('Name', name), element('Value', value))],
      );
      return element(
        'QueueConfiguration',
        element('Id', id),
        element('Filter', rules.length === 0 ? undefined : element('S3Key', rules)),
        events.map((event) => element('Event', event)),
        element('Queue', targetArn(arn)),
      );
    }),
  );
}

/** The rules that events are matched with. */
export function rulesOf(queues: readonly QueueConfiguration[]): EventRule[] {
  return queues.map((queue) => ({ ...filterOf(queue), target: queue.arn.target satisfies TargetId }));
}

/** A star at the end of a prefix, or at the beginning of a suffix, says nothing. */
function filterOf({ events, prefix = '', suffix = '' }: QueueConfiguration): EventFilter {
  return {
    events: [...new Set(events.flatMap((name): readonly EventName[] => eventsOfName(name) ?? []))],
    prefix: prefix.replace(/\*+$/, ''),
    suffix: suffix.replace(/^\*+/, ''),
  };
}

function unknownArn(arn: string): S3Error {
  return invalidArgument(
    'A specified destination ARN does not exist or is not well-formed. Verify the destination ARN.',
    arn,
  );
}

function invalidArgument(message: string, value: string): S3Error {
  return new S3Error('InvalidArgument', message, { fields: { ArgumentValue: value } });
}
