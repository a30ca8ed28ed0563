// Column values of the SQL engines as typed values, and the parameters that statements take.

/** A column value; integers may be bigint, because trash inodes exceed 2^53. */
export type SqlValue = bigint | string | Uint8Array | number | null | undefined;
export type SqlRow = readonly SqlValue[];
/** Integers are 64 bits wide for every engine; bytes are bytes. */
export type SqlParameter = bigint | number | string | Uint8Array;

/** Integer columns within 2^53. */
export function int(value: SqlValue): number {
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'string' ? Number(value) : 0;
}

/** Integer columns of any size; NULL is 0. */
export function big(value: SqlValue): bigint {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' || typeof value === 'string' ? BigInt(value) : 0n;
}

/** Binary columns; a client that stored text meant its UTF-8. */
export function bytes(value: SqlValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : new Uint8Array(0);
}

export function text(value: SqlValue): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}
