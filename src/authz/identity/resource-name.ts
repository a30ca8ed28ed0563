// The resource of an access: its ARN, read into bucket and object.

export interface ResourceName {
  readonly bucket: string; // '' for the service itself
  readonly object: string; // '' for a bucket
}

const PREFIX = 'arn:aws:s3:::';

/** Reads `arn:aws:s3:::bucket/key`. An empty text and `arn:aws:s3:::` are the service itself. Undefined for anything else. */
export function parseResource(text: string): ResourceName | undefined {
  if (text === '') return { bucket: '', object: '' };
  if (!text.startsWith(PREFIX)) return undefined;
  const path = text.slice(PREFIX.length);
  const slash = path.indexOf('/');
  if (slash === 0) return undefined;
  return slash < 0 ? { bucket: path, object: '' } : { bucket: path.slice(0, slash), object: path.slice(slash + 1) };
}
