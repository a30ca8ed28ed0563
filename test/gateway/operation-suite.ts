// The S3 operations as a client sees them, through the real dispatch: one suite for every volume.

import { operationContext, type Subject } from './operation-context.ts';
import { bucketOperations } from './operations/buckets.ts';
import { conditionalReads } from './operations/conditional-reads.ts';
import { copies } from './operations/copies.ts';
import { deletionOfMany } from './operations/delete-objects.ts';
import { directoryObjects } from './operations/directory-objects.ts';
import { listings } from './operations/listings.ts';
import { multipartUploads } from './operations/multipart-uploads.ts';
import { objectOperations } from './operations/objects.ts';
import { tags } from './operations/tags.ts';

/** Defines the tests. */
export function operationSuite(make: () => Promise<Subject>): void {
  const at = operationContext(make);
  bucketOperations(at);
  objectOperations(at);
  conditionalReads(at);
  directoryObjects(at);
  deletionOfMany(at);
  listings(at);
  copies(at);
  multipartUploads(at);
  tags(at);
}
