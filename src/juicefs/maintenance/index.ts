// What administrators do to a volume as a whole.
export { type AdminOptions, jsonText } from './administer.ts';
export { dumpVolumeBinary } from './binary-dump/dump-binary.ts';
export { loadVolumeBinary } from './binary-dump/load-binary.ts';
export { decodeFooter, type SegmentInfo } from './binary-dump/segments.ts';
export { type BlockReport, checkBlocks } from './check-blocks.ts';
export { checkTree, type TreeReport } from './check-tree.ts';
export { collectGarbage, type GarbageReport } from './collect-garbage.ts';
export { configureVolume, showSettings, type VolumeChanges } from './configure.ts';
export { type DestroyedVolume, destroyVolume } from './destroy.ts';
export { dumpVolume } from './dump.ts';
export { type Inspected, type InspectedPlace, inspectVolume } from './inspect.ts';
export { decryptDump, type LoadedVolume, loadVolume } from './load.ts';
export { sessionDetails, volumeStatus } from './status.ts';
