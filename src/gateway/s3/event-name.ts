// The names of events: which there are, and what a name in a configuration stands for. What the gateway emits are the object events
// of reads, writes and removals, and the two of buckets; MinIO's other names are understood, so that a configuration with them reads.

/** Names of single events. MinIO: pkg/event; the two of buckets end in '*' there and name one event each. */
const NAMES = [
  's3:ObjectCreated:Put',
  's3:ObjectCreated:Post',
  's3:ObjectCreated:Copy',
  's3:ObjectCreated:CompleteMultipartUpload',
  's3:ObjectCreated:PutRetention',
  's3:ObjectCreated:PutLegalHold',
  's3:ObjectCreated:PutTagging',
  's3:ObjectCreated:DeleteTagging',
  's3:ObjectAccessed:Get',
  's3:ObjectAccessed:Head',
  's3:ObjectAccessed:GetRetention',
  's3:ObjectAccessed:GetLegalHold',
  's3:ObjectRemoved:Delete',
  's3:ObjectRemoved:DeleteMarkerCreated',
  's3:Replication:OperationFailedReplication',
  's3:Replication:OperationCompletedReplication',
  's3:Replication:OperationMissedThreshold',
  's3:Replication:OperationReplicatedAfterThreshold',
  's3:Replication:OperationNotTracked',
  's3:ObjectRestore:Post',
  's3:ObjectRestore:Completed',
  's3:ObjectTransition:Failed',
  's3:ObjectTransition:Complete',
  's3:BucketCreated:*',
  's3:BucketRemoved:*',
] as const;

/** The name of one event. */
export type EventName = (typeof NAMES)[number];

const WILDCARDS = [
  's3:ObjectCreated:*',
  's3:ObjectAccessed:*',
  's3:ObjectRemoved:*',
  's3:Replication:*',
  's3:ObjectRestore:*',
  's3:ObjectTransition:*',
] as const;

/** Name as configurations write it → the events that it stands for. */
const MEANINGS: ReadonlyMap<string, readonly EventName[]> = new Map<string, readonly EventName[]>([
  ...NAMES.map((name) => [name, [name]] as const),
  ...WILDCARDS.map((name) => [name, NAMES.filter((each) => each.startsWith(name.slice(0, -1)))] as const),
  ['s3:BucketCreated', ['s3:BucketCreated:*']],
  ['s3:BucketRemoved', ['s3:BucketRemoved:*']],
]);

/** The events that a name of a configuration stands for; undefined when it is no such name. */
export function eventsOfName(text: string): readonly EventName[] | undefined {
  return MEANINGS.get(text);
}
