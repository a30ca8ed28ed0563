// What other parts of the project may use of the JuiceFS object layer.
export { type FormatResult, type FormatSettings, formatVolume } from './format/format-volume.ts';
export * from './maintenance/index.ts';
export { openVolume } from './open-volume.ts';
export * from './volume.ts';
export { VolumeOpenError, type VolumeOpenErrorCode } from './volume-error.ts';
export type { VolumeLog, VolumeOptions } from './volume-options.ts';
