// The engine over etcd.
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine } from '../engine.ts';

/** Opens the engine of an `etcd://` URL. */
export async function openEtcd(
  _address: string,
  _fallbackPassword: string | undefined,
  _options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  throw new VolumeOpenError('UnsupportedEngine', 'the metadata engine etcd is not supported yet');
}
