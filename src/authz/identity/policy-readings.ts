// Stored policies that the chosen dialect reads otherwise than the gateway of JuiceFS does: told to who comes from there.
import { readingDifferences } from '../policy/index.ts';
import { bucketDocument } from '../store/iam-store.ts';
import type { PolicySettings } from './policy-program.ts';
import type { IamSnapshot } from './snapshot.ts';

export interface PolicyReading {
  /** `policy NAME` or `policy of bucket NAME`. */
  readonly subject: string;
  readonly differences: readonly string[];
}

/** The policies of a snapshot that read otherwise; none when the dialect is juicefs itself. */
export function differingReadings(
  { records }: Pick<IamSnapshot, 'records'>,
  { dialect }: Pick<PolicySettings, 'dialect'>,
): readonly PolicyReading[] {
  const readings: PolicyReading[] = [];
  for (const [name, text] of records.policies) {
    if (typeof text !== 'string') continue;
    const differences = readingDifferences(text, { kind: 'identity', name }, dialect, 'juicefs');
    if (differences.length > 0) readings.push({ subject: `policy ${name}`, differences });
  }
  for (const [bucket, record] of records.buckets) {
    const text = bucketDocument(record, 'policy');
    if (text === '') continue;
    const document = { kind: 'bucket', name: bucket, bucket } as const;
    const differences = readingDifferences(text, document, dialect, 'juicefs');
    if (differences.length > 0) readings.push({ subject: `policy of bucket ${bucket}`, differences });
  }
  return readings;
}
