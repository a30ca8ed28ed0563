// The body of a browser's form upload (multipart/form-data): the fields in front of the file are read before the question, since it
// lies in them; the file itself is handed on as it arrives. Fields behind the file are not looked at, as S3 has it.
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import type { ByteSource } from './byte-reader.ts';
import { S3Error } from './errors.ts';

/** Most bytes of all fields in front of the file, names and values. AWS: 20 KB. */
export const MAX_FORM_FIELD_BYTES = 20 * 1024;
/** Most fields in front of the file. */
export const MAX_FORM_FIELDS = 256;
/** Header lines of one part. */
const MAX_PART_HEADERS = 16;
const FILE_FIELD = 'file';

/** What stands in front of the file. */
export interface FormFields {
  /** Lower-case names; the first of several of one name. */
  readonly values: ReadonlyMap<string, string>;
  /** The file's own name, without the folders it came from; '' when none was given. */
  readonly fileName: string;
}

/** A form that is being read: first `fields`, once, and then `file`. */
export interface FormBody {
  /** Throws MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument when there is no file. */
  fields(): Promise<FormFields>;
  /** The bytes of the file; it ends when the whole form has been read and was well-formed. */
  readonly file: ByteSource;
}

/** Throws PreconditionFailed for another kind of body, and MalformedPOSTRequest for one that cannot be told apart into parts. */
export function readForm(source: ByteSource, contentType: string | undefined): FormBody {
  if (contentType === undefined || !/^multipart\/form-data\s*;/i.test(contentType)) {
    throw new S3Error('PreconditionFailed', 'A POST to a bucket must be of the type multipart/form-data.');
  }
  return new BusboyForm(source, contentType);
}

/** What is left of the file, as far as it has been taken apart; null when nothing is at hand. */
interface FileBytes {
  read(): unknown;
}

class BusboyForm implements FormBody {
  readonly file: ByteSource = { next: () => this.#nextOfFile() };
  readonly #source: ByteSource;
  readonly #parser: busboy.Busboy;
  readonly #values = new Map<string, string>();
  #fieldBytes = 0;
  /** Fields that came as files, whose bytes are still coming. */
  #open = 0;
  #file: FileBytes | undefined;
  #fileName = '';
  #failure: unknown;
  /** The whole body went into the parser. */
  #fed = false;
  /** The whole form came out of it. */
  #parsed = false;
  #wake: () => void = () => undefined;

  constructor(source: ByteSource, contentType: string) {
    this.#source = source;
    try {
      this.#parser = busboy({
        headers: { 'content-type': contentType },
        defParamCharset: 'utf8',
        limits: { fieldSize: MAX_FORM_FIELD_BYTES + 1, fields: MAX_FORM_FIELDS, headerPairs: MAX_PART_HEADERS },
      });
    } catch (cause) {
      throw new S3Error('MalformedPOSTRequest', undefined, { cause });
    }
    this.#parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
      if (nameTruncated || valueTruncated) this.#fail(tooMuch());
      else if (name.toLowerCase() === FILE_FIELD) this.#file ??= textOnce(value);
      else if (this.#file === undefined) this.#take(name, value);
    });
    this.#parser.on('file', (name, stream, { filename }) => this.#takeStream(name, stream, filename ?? ''));
    this.#parser.on('fieldsLimit', () => this.#fail(tooMuch()));
    this.#parser.on('error', (cause) => this.#fail(new S3Error('MalformedPOSTRequest', undefined, { cause })));
    this.#parser.on('close', () => {
      this.#parsed = true;
      this.#wake();
    });
  }

  async fields(): Promise<FormFields> {
    while (this.#file === undefined && this.#failure === undefined && !this.#parsed) await this.#progress();
    while (this.#open > 0 && this.#failure === undefined) await nextTurn();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#file === undefined) {
      throw new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', {
        fields: { ArgumentName: FILE_FIELD, ArgumentValue: '0' },
      });
    }
    return { values: this.#values, fileName: this.#fileName };
  }

  async #nextOfFile(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const piece = this.#file?.read();
      if (piece instanceof Uint8Array) return piece;
      if (this.#parsed) return undefined;
      await this.#progress();
    }
  }

  /** Takes one more piece of the body apart, or waits for what is in the parser to come out. */
  async #progress(): Promise<void> {
    const stirred = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#fed) return stirred;
    const piece = await this.#source.next();
    if (piece === undefined) {
      this.#fed = true;
      this.#parser.end();
      return;
    }
    // Nobody reads faster than this writes: the parser holds no more than the piece. It speaks up in a later turn.
    this.#parser.write(piece);
    await nextTurn();
  }

  #takeStream(name: string, stream: Readable, fileName: string): void {
    stream.on('error', (cause) => this.#fail(new S3Error('MalformedPOSTRequest', undefined, { cause })));
    if (this.#file !== undefined) {
      stream.resume();
      return;
    }
    if (name.toLowerCase() === FILE_FIELD) {
      this.#fileName = fileName;
      this.#file = stream;
      stream.on('readable', () => this.#wake());
      return;
    }
    // some clients give every field a file name
    const pieces: Buffer[] = [];
    let size = 0;
    this.#open++;
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > MAX_FORM_FIELD_BYTES) this.#fail(tooMuch());
      else pieces.push(piece);
    });
    stream.on('end', () => {
      this.#open--;
      this.#take(name, Buffer.concat(pieces).toString('utf8'));
    });
  }

  #take(name: string, value: string): void {
    this.#fieldBytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (this.#fieldBytes > MAX_FORM_FIELD_BYTES) this.#fail(tooMuch());
    const key = name.toLowerCase();
    if (!this.#values.has(key)) this.#values.set(key, value);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** A file that came as text. */
function textOnce(text: string): FileBytes {
  let left: Buffer | null = text === '' ? null : Buffer.from(text);
  return {
    read: () => {
      const bytes = left;
      left = null;
      return bytes;
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function tooMuch(): S3Error {
  return new S3Error('MaxPostPreDataLengthExceededError');
}
