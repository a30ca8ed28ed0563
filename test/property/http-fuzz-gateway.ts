// A volume and a gateway for random requests.
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { type FuzzResult, fuzzGateway } from './http-fuzz.ts';

/** Runs them and leaves nothing behind. Throws with the request that broke a rule. */
export async function withFuzzedGateway(
  requests: number,
  seed: number,
  say?: (text: string) => void,
): Promise<FuzzResult> {
  const folder = makeTempFolder();
  let gateway: Gateway | undefined;
  try {
    const volume = await formatTestVolume(folder);
    const flags = ['--multi-buckets', '--keep-etag', '--object-meta', '--object-tag', '--no-bgjob', '--workers', '1'];
    gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
    return await fuzzGateway({ gateway, volume, requests, seed, ...(say === undefined ? {} : { say }) });
  } finally {
    await gateway?.dispose();
    removeTempFolder(folder);
  }
}
