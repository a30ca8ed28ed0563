// The configuration of buckets, whatever it configures: documents are set and removed one by one, and go with their bucket.
import type { BucketDocumentName } from '../store/bucket-documents.ts';
import { type BucketRecord, isUnreadable } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import type { Command } from './command.ts';

/**
 * Sets or ('') removes one document of a bucket. What else is configured stays. Whether the text is right for its kind is for the
 * caller to have found out; see BUCKET_DOCUMENT_RULES.
 */
export function setBucketDocument(bucket: string, name: BucketDocumentName, text: string, nowMs: number): Command {
  return {
    touched: { buckets: [bucket] },
    decide(records) {
      const before = records.buckets.get(bucket);
      if (before !== undefined && isUnreadable(before)) {
        throw new AdminRefusal('InternalError', `The bucket's configuration cannot be read: ${before.unreadable}.`);
      }
      if ((before?.documents.get(name) ?? '') === text) return {};
      const documents = new Map(before?.documents);
      if (text === '') documents.delete(name);
      else documents.set(name, text);
      return { buckets: new Map([[bucket, { ...(before ?? emptyRecord(nowMs, false)), documents }]]) };
    },
  };
}

/** What a bucket is made with. */
export interface NewBucket {
  /** '' = the service's. */
  readonly owner: string;
  /** The location that was asked for; '' = none. */
  readonly location: string;
  readonly lockEnabled: boolean;
}

/** A bucket that was just made starts without configuration but what it was made with, whatever one of its name had. */
export function createBucketConfiguration(bucket: string, made: NewBucket, nowMs: number): Command {
  const { owner, location, lockEnabled } = made;
  const documents = new Map<BucketDocumentName, string>();
  if (owner !== '') documents.set('owner', owner);
  if (location !== '') documents.set('location', location);
  const record = { ...emptyRecord(nowMs, lockEnabled), documents };
  return { touched: {}, decide: () => ({ buckets: new Map([[bucket, record]]) }) };
}

/** Removes all configuration of a bucket, so that one made later under its name starts without. */
export function forgetBucket(bucket: string): Command {
  return { touched: {}, decide: () => ({ buckets: new Map([[bucket, undefined]]) }) };
}

function emptyRecord(createdMs: number, lockEnabled: boolean): BucketRecord {
  return { createdMs, lockEnabled, documents: new Map() };
}
