// The engine over Redis.
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine } from '../engine.ts';

export interface RedisSecrets {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
}

/** Opens the engine of a `redis://`, `rediss://` or `unix://` URL. */
export async function openRedis(
  _url: string,
  _secrets: RedisSecrets,
  _options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  throw new VolumeOpenError('UnsupportedEngine', 'the metadata engine redis is not supported yet');
}
