// The name of an event target, as ARNs write it: arn:minio:sqs:REGION:NAME:TYPE.

/** Kinds of targets, by the name that ARNs use, and the sub-system of the server configuration that each is configured in. */
export const TARGET_SUBSYSTEMS = {
  webhook: 'notify_webhook',
  mysql: 'notify_mysql',
  postgresql: 'notify_postgres',
  redis: 'notify_redis',
} as const;

export type TargetType = keyof typeof TARGET_SUBSYSTEMS;

/** `NAME:TYPE`, which tells targets apart. */
export type TargetId = `${string}:${TargetType}`;

export interface TargetArn {
  readonly region: string;
  readonly target: TargetId;
}

export function isTargetType(text: string): text is TargetType {
  return Object.hasOwn(TARGET_SUBSYSTEMS, text);
}

/** Reads an ARN; undefined when it is none of an event target. */
export function parseTargetArn(text: string): TargetArn | undefined {
  const [arn, partition, service, region, name, type, ...more] = text.split(':');
  if (arn !== 'arn' || partition !== 'minio' || service !== 'sqs' || more.length > 0) return undefined;
  if (region === undefined || name === undefined || name === '' || type === undefined) return undefined;
  return isTargetType(type) ? { region, target: `${name}:${type}` } : undefined;
}

export function targetArn({ region, target }: TargetArn): string {
  return `arn:minio:sqs:${region}:${target}`;
}
