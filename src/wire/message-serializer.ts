// Messages of the contract to bytes, at both ends of the stream, over one writer that is used again: on a busy stream, making one a message
// costs more than writing it.
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** A larger message leaves its buffer behind, so that one does not hold the memory for good. */
const MAX_KEPT_BYTES = 256 * 1024;

/** Serializes one message at a time; what it answers is the caller's. */
export function messageSerializer<T>(
  encode: (message: T, writer: BinaryWriter) => BinaryWriter,
): (message: T) => Buffer {
  let writer = new BinaryWriter();
  return (message) => {
    try {
      const bytes = encode(message, writer).finish();
      if (bytes.length > MAX_KEPT_BYTES) writer = new BinaryWriter();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      // What it had written of the message is in it still.
      writer = new BinaryWriter();
      throw error;
    }
  };
}
