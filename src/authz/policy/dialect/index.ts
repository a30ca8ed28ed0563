// The dialects by name.
import type { DialectName } from '../request.ts';
import { aws } from './aws.ts';
import { ceph } from './ceph.ts';
import type { Dialect } from './dialect.ts';
import { juicefs, minio, portcullis } from './path-dialects.ts';

const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  [portcullis, juicefs, minio, aws, ceph].map((dialect) => [dialect.name, dialect]),
);

/** The dialect of a name; undefined for a name that is none. */
export function findDialect(name: string): Dialect | undefined {
  return DIALECTS.get(name);
}

/** Names of the dialects. */
export const DIALECT_NAMES: readonly DialectName[] = [...DIALECTS.values()].map(({ name }) => name);
