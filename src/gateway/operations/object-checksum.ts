// The checksum that an object carries, and the parts it was made of: what S3 calls additional checksums. They lie in extended
// attributes of our own, beside those that the Go gateway reads.
import { isChecksumAlgorithm, parseChecksumValue, startChecksum } from '../s3/checksum.ts';
import { combineCrcs, isCrc } from '../s3/crc-combine.ts';
import { S3Error } from '../s3/errors.ts';
import type { ChecksumAlgorithm } from '../s3/operation.ts';
import { element, type XmlElement, type XmlNode } from '../s3/xml.ts';

export const CHECKSUM_XATTR = 's3-checksum';
export const PARTS_XATTR = 's3-parts';

/** Of an object uploaded in parts: over all its bytes, or over the checksums of its parts. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64, with '-<parts>' behind it when it is composite. '' on an upload that has only chosen its algorithm. */
  readonly value: string;
}

/** The parts of an object that was uploaded in parts, by number from 1 without gaps. */
export interface ObjectParts {
  readonly sizes: readonly number[];
  /** Base64, one a part; empty when they are not kept. */
  readonly checksums: readonly string[];
}

/** Most bytes of the attribute that keeps the parts: what MySQL's column of attributes holds. Checksums go first, then sizes. */
const MAX_PARTS_BYTES = 60_000;

type Xattrs = ReadonlyMap<string, Uint8Array>;

/** 'crc32 FULL_OBJECT AAAAAA==' */
const STORED = /^([a-z0-9]+) (FULL_OBJECT|COMPOSITE) (\S*)$/;

/** The stored checksum; undefined when there is none that can be understood. */
export function storedChecksum(xattrs: Xattrs): ObjectChecksum | undefined {
  const bytes = xattrs.get(CHECKSUM_XATTR);
  const match = bytes === undefined ? null : STORED.exec(Buffer.from(bytes).toString('latin1'));
  const [, algorithm = '', type, value = ''] = match ?? [];
  if (match === null || !isChecksumAlgorithm(algorithm)) return undefined;
  return { algorithm, type: type === 'COMPOSITE' ? 'COMPOSITE' : 'FULL_OBJECT', value };
}

export function checksumXattr({ algorithm, type, value }: ObjectChecksum): Uint8Array {
  return Buffer.from(`${algorithm} ${type} ${value}`);
}

/** Sizes as 'count*size' runs, then the checksums: '9999*5242880,1*17 AAAA==,…' */
export function partsXattr({ sizes, checksums }: ObjectParts): Uint8Array | undefined {
  const runs: string[] = [];
  for (let start = 0; start < sizes.length; ) {
    let end = start + 1;
    while (end < sizes.length && sizes[end] === sizes[start]) end++;
    runs.push(`${end - start}*${sizes[start]}`);
    start = end;
  }
  const whole = Buffer.from(`${runs.join(',')} ${checksums.join(',')}`);
  if (whole.length <= MAX_PARTS_BYTES) return whole;
  const short = Buffer.from(`${runs.join(',')} `);
  return short.length <= MAX_PARTS_BYTES ? short : undefined;
}

/** The stored parts; undefined when they are not recorded. */
export function storedParts(xattrs: Xattrs): ObjectParts | undefined {
  const bytes = xattrs.get(PARTS_XATTR);
  const match = bytes === undefined ? null : /^([\d*,]+) (\S*)$/.exec(Buffer.from(bytes).toString('latin1'));
  if (match === null) return undefined;
  const [, runs = '', checksums = ''] = match;
  const sizes: number[] = [];
  for (const run of runs.split(',')) {
    const [count, size] = run.split('*').map(Number);
    if (count === undefined || size === undefined || !(count > 0) || !(size >= 0) || sizes.length + count > 10_000) {
      return undefined;
    }
    for (let i = 0; i < count; i++) sizes.push(size);
  }
  const list = checksums === '' ? [] : checksums.split(',');
  return { sizes, checksums: list.length === sizes.length ? list : [] };
}

/** The name of the element that holds a value of the algorithm: 'ChecksumCRC32'. */
function elementName(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm.toUpperCase()}`;
}

/** The elements that tell a checksum; none for none. */
export function checksumElements(checksum: ObjectChecksum | undefined): readonly XmlNode[] {
  if (checksum === undefined || checksum.value === '') return [];
  return [element(elementName(checksum.algorithm), checksum.value), element('ChecksumType', checksum.type)];
}

/** The element of a part's checksum. */
export function partChecksumElement(
  checksum: Pick<ObjectChecksum, 'algorithm' | 'value'> | undefined,
): XmlNode | undefined {
  return checksum === undefined ? undefined : element(elementName(checksum.algorithm), checksum.value);
}

/** The headers that tell a checksum. */
export function checksumAnswerHeaders(checksum: ObjectChecksum | undefined): Record<string, string> {
  if (checksum === undefined || checksum.value === '') return {};
  return { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

const ALGORITHM_HEADER = 'x-amz-checksum-algorithm';
const TYPE_HEADER = 'x-amz-checksum-type';

/** The algorithm that x-amz-checksum-algorithm names. Throws InvalidRequest for one that there is not. */
export function wantedAlgorithm(headers: ReadonlyMap<string, string>): ChecksumAlgorithm | undefined {
  const text = headers.get(ALGORITHM_HEADER)?.toLowerCase();
  if (text === undefined) return undefined;
  if (!isChecksumAlgorithm(text)) {
    throw new S3Error(
      'InvalidRequest',
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    );
  }
  return text;
}

/**
 * The checksum that an upload in parts is to have, without its value; undefined when it chose none. Throws InvalidRequest for an
 * algorithm and a type that do not go together.
 */
export function uploadChecksum(headers: ReadonlyMap<string, string>): ObjectChecksum | undefined {
  const algorithm = wantedAlgorithm(headers);
  const type = headers.get(TYPE_HEADER)?.toUpperCase();
  if (type !== undefined && type !== 'FULL_OBJECT' && type !== 'COMPOSITE') {
    throw new S3Error('InvalidRequest', 'x-amz-checksum-type should be FULL_OBJECT or COMPOSITE.');
  }
  if (algorithm === undefined) {
    if (type === undefined) return undefined;
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  const chosen: ChecksumType = type ?? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE');
  const possible = chosen === 'FULL_OBJECT' ? isCrc(algorithm) : algorithm !== 'crc64nvme';
  if (!possible) {
    throw new S3Error(
      'InvalidRequest',
      `The ${chosen} checksum type cannot be used with the ${algorithm.toUpperCase()} checksum algorithm.`,
    );
  }
  return { algorithm, type: chosen, value: '' };
}

/** A part, and its checksum in base64. */
export interface ChecksummedPart {
  readonly size: number;
  readonly checksum: string;
}

/** The checksum of an object out of those of its parts. */
export function joinedChecksum(chosen: ObjectChecksum, parts: readonly ChecksummedPart[]): ObjectChecksum {
  const { algorithm, type } = chosen;
  const pieces = parts.map(({ size, checksum }) => ({ size, value: parseChecksumValue(algorithm, checksum) }));
  if (type === 'FULL_OBJECT' && isCrc(algorithm)) {
    return { ...chosen, value: combineCrcs(algorithm, pieces).toString('base64') };
  }
  return {
    ...chosen,
    value: `${compositeOf(
      algorithm,
      pieces.map(({ value }) => value),
    )}-${parts.length}`,
  };
}

function compositeOf(algorithm: ChecksumAlgorithm, values: readonly Buffer[]): string {
  const running = startChecksum(algorithm);
  for (const value of values) running.update(value);
  return running.digest().toString('base64');
}

const CHECKSUM_HEADER = /^x-amz-checksum-([a-z0-9]+)$/;

/** The checksum of a finished object that a request says in a header. */
export function objectChecksumHeader(
  headers: ReadonlyMap<string, string>,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined {
  for (const [name, value] of headers) {
    const algorithm = CHECKSUM_HEADER.exec(name)?.[1] ?? '';
    if (isChecksumAlgorithm(algorithm)) return { algorithm, value };
  }
  return undefined;
}

/** The checksum that an element of a list of parts says. */
export function readPartChecksum(
  part: XmlElement,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined {
  for (const { name, text } of part.children) {
    const algorithm = name.startsWith('Checksum') ? name.slice('Checksum'.length).toLowerCase() : '';
    if (isChecksumAlgorithm(algorithm)) return { algorithm, value: text.trim() };
  }
  return undefined;
}
