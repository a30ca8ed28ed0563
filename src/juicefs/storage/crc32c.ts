// CRC-32C (Castagnoli): the checksum that the Go client keeps beside objects in S3 and in its block cache. Eight bytes a step.

const POLYNOMIAL = 0x82f63b78;
const WIDTH = 8;
const TABLES = makeTables();

function makeTables(): Uint32Array {
  const tables = new Uint32Array(WIDTH * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/** The checksum of the bytes, as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  let at = 0;
  for (const end = bytes.length - (WIDTH - 1); at < end; at += WIDTH) {
    // Indices are within both arrays by construction.
    crc =
      (TABLES[1792 + ((crc ^ (bytes[at] as number)) & 0xff)] as number) ^
      (TABLES[1536 + (((crc >>> 8) ^ (bytes[at + 1] as number)) & 0xff)] as number) ^
      (TABLES[1280 + (((crc >>> 16) ^ (bytes[at + 2] as number)) & 0xff)] as number) ^
      (TABLES[1024 + ((crc >>> 24) ^ (bytes[at + 3] as number))] as number) ^
      (TABLES[768 + (bytes[at + 4] as number)] as number) ^
      (TABLES[512 + (bytes[at + 5] as number)] as number) ^
      (TABLES[256 + (bytes[at + 6] as number)] as number) ^
      (TABLES[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (TABLES[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}
