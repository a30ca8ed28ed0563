// x-amz-copy-source: one more door for names, so what comes through it is read by the same rules as a path.
import { S3Error } from '../s3/errors.ts';
import { type BucketName, type ObjectKey, parseBucketName, parseObjectKey } from '../s3/object-name.ts';
import type { Question, S3Request } from '../s3/operation.ts';
import { versionContext } from './object-lookup.ts';

export interface CopySource {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
  readonly versionId: string | undefined;
}

const VERSION_PARAMETER = '?versionId=';

/**
 * Reads the header: [/]bucket/key[?versionId=…], percent-encoded once. Throws InvalidArgument, and what the names' own rules
 * throw.
 */
export function parseCopySource(request: S3Request): CopySource {
  const header = request.headers.get('x-amz-copy-source') ?? '';
  const at = header.lastIndexOf(VERSION_PARAMETER);
  const path = decode(at < 0 ? header : header.slice(0, at), header).replace(/^\//, '');
  const versionId = at < 0 ? undefined : decode(header.slice(at + VERSION_PARAMETER.length), header);
  const slash = path.indexOf('/');
  if (slash <= 0 || slash === path.length - 1) throw invalid(header);
  return {
    bucket: parseBucketName(path.slice(0, slash)),
    key: parseObjectKey(path.slice(slash + 1)),
    versionId,
  };
}

/** The question about reading the source. */
export function copySourceQuestion(source: CopySource): Question {
  return {
    action: 's3:GetObject',
    bucket: source.bucket,
    key: source.key,
    context: versionContext(source.versionId),
  };
}

/** The condition keys that a write out of a source adds. Policies write the source with or without a leading '/'. */
export function copySourceContext(source: CopySource): Readonly<Record<string, readonly string[]>> {
  const text = `${source.bucket}/${source.key}`;
  return { 's3:x-amz-copy-source': [text, `/${text}`] };
}

function decode(text: string, header: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid(header, cause);
  }
}

function invalid(header: string, cause?: unknown): S3Error {
  return new S3Error('InvalidArgument', 'The copy source should be bucket/key, percent-encoded.', {
    fields: { ArgumentName: 'x-amz-copy-source', ArgumentValue: header },
    cause,
  });
}
