// Why a volume cannot be opened or formatted. What goes wrong in an open volume is VolumeError, in volume.ts.

/** Reasons; each is about the whole volume, not a file in it. */
export type VolumeOpenErrorCode =
  | 'InvalidUrl'
  | 'UnsupportedEngine'
  | 'DatabaseMissing'
  | 'DatabaseUnreachable'
  | 'NotFormatted'
  | 'InvalidFormat'
  | 'UnsupportedFormat'
  | 'ClientTooOld'
  | 'EncryptionKeyUnusable'
  | 'StorageUnusable'
  | 'DirectoryUnusable'
  | 'FormatRefused';

/** The message is one line for a person: what is wrong and what would be right. Without secrets. */
export class VolumeOpenError extends Error {
  readonly code: VolumeOpenErrorCode;
  constructor(code: VolumeOpenErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'VolumeOpenError';
    this.code = code;
  }
}
