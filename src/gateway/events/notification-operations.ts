// The operations on notifications: the configuration of a bucket, and listening to events as they happen.
import { bucketOf, requireBucket, requireWritable } from '../operations/bucket-access.ts';
import { xmlReply } from '../operations/listing.ts';
import { readDocument } from '../operations/write-payload.ts';
import { S3Error } from '../s3/errors.ts';
import { eventsOfName } from '../s3/event-name.ts';
import type { BucketName } from '../s3/object-name.ts';
import { defineOperation, type GrantedConfiguration, type Operation, type S3Request } from '../s3/operation.ts';
import { xmlDocument } from '../s3/xml.ts';
import type { ListenFilter } from './event-messages.ts';
import type { NotificationHub } from './event-publisher.ts';
import { eventStream } from './event-stream.ts';
import {
  checkQueues,
  MAX_NOTIFICATION_BYTES,
  notificationXml,
  readNotificationXml,
  requireFilterValue,
} from './notification-configuration.ts';

/** Their rows of the operation table. */
export function notificationOperations(hub: NotificationHub): readonly Operation<unknown>[] {
  return [getConfiguration(hub), putConfiguration(hub), listen(hub, 'service'), listen(hub, 'bucket')];
}

function getConfiguration(hub: NotificationHub) {
  return defineOperation({
    name: 'GetBucketNotificationConfiguration',
    match: { method: 'GET', target: 'bucket', query: ['notification'] },
    body: 'none',
    parse: (request) => ({ bucket: bucketOf(request) }),
    questions: ({ bucket }) => [{ action: 's3:GetBucketNotification', bucket }],
    async handle(grant, context) {
      await requireBucket(context, grant.input.bucket);
      const { notification } = (await grant.configuration.read(grant.input.bucket)).documents;
      if (notification === undefined) return xmlReply(xmlDocument('NotificationConfiguration'));
      const { region } = hub.known;
      const queues = readNotificationXml(Buffer.from(notification));
      return xmlReply(notificationXml(queues.map((queue) => ({ ...queue, arn: { ...queue.arn, region } }))));
    },
  });
}

function putConfiguration(hub: NotificationHub) {
  return defineOperation({
    name: 'PutBucketNotificationConfiguration',
    match: { method: 'PUT', target: 'bucket', query: ['notification'] },
    body: 'payload',
    parse: (request) => ({ bucket: bucketOf(request) }),
    questions: ({ bucket }) => [{ action: 's3:PutBucketNotification', bucket }],
    async handle(grant, context) {
      const { bucket } = grant.input;
      requireWritable(context);
      await requireBucket(context, bucket);
      const document = await readDocument(grant.payload, MAX_NOTIFICATION_BYTES);
      const queues = checkQueues(readNotificationXml(document), {
        ...hub.known,
        // who adds a rule sends those that were there with it, whatever became of their targets
        kept: await storedTargets(grant.configuration, bucket),
      });
      if (queues.length === 0) await grant.configuration.remove(bucket, 'notification');
      else await grant.configuration.set(bucket, 'notification', Buffer.from(notificationXml(queues)));
      await hub.changed(bucket);
      return { status: 200 };
    },
  });
}

/** Targets that the bucket notifies as it is; none when what is stored cannot be read. */
async function storedTargets(configuration: GrantedConfiguration, bucket: BucketName): Promise<ReadonlySet<string>> {
  const { notification } = (await configuration.read(bucket)).documents;
  try {
    return new Set(readNotificationXml(Buffer.from(notification ?? '')).map(({ arn }) => arn.target));
  } catch (error) {
    if (error instanceof S3Error) return new Set();
    throw error;
  }
}

/** MinIO: ListenNotification (all buckets) and ListenBucketNotification. */
function listen(hub: NotificationHub, target: 'service' | 'bucket') {
  return defineOperation({
    name: target === 'service' ? 'ListenNotification' : 'ListenBucketNotification',
    match: { method: 'GET', target, query: ['events'] },
    body: 'none',
    parse: (request) => ({ bucket: request.bucket, filter: parseFilter(request) }),
    questions: ({ bucket }) => [
      bucket === undefined ? { action: 's3:ListenNotification' } : { action: 's3:ListenBucketNotification', bucket },
    ],
    async handle(grant, context) {
      const { bucket, filter } = grant.input;
      if (bucket !== undefined) await requireBucket(context, bucket);
      return {
        status: 200,
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
        body: await eventStream(hub, filter, context.signal),
        contentLength: 'endless',
      };
    },
  });
}

function parseFilter(request: S3Request): ListenFilter {
  const valuesOf = (name: string): string[] =>
    request.parameters.filter((parameter) => parameter.name === name).map(({ value }) => value);
  const events = valuesOf('events')
    .filter((name) => name !== '')
    .flatMap((name) => {
      const meant = eventsOfName(name);
      if (meant === undefined) {
        throw new S3Error('InvalidArgument', 'A specified event is not supported for notifications.', {
          fields: { ArgumentName: 'events', ArgumentValue: name },
        });
      }
      return meant;
    });
  const single = (name: 'prefix' | 'suffix'): string => {
    const [value = '', ...more] = valuesOf(name);
    if (more.length > 0) throw new S3Error('InvalidArgument', `Cannot specify more than one ${name} rule in a filter.`);
    requireFilterValue(value);
    return value;
  };
  return {
    bucket: request.bucket ?? '',
    events: [...new Set(events)],
    prefix: single('prefix'),
    suffix: single('suffix'),
  };
}
