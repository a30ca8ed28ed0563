// Identities for tests, written into a volume where the sidecar's volume store reads them (while nobody serves it).
import { openVolume } from '../../src/juicefs/index.ts';
import type { VolumePath } from '../../src/juicefs/volume.ts';
import type { Keys } from './sigv4.ts';
import type { TestVolume } from './volume.ts';

export interface TestUser extends Keys {
  /** Names of attached policies. */
  readonly policies?: readonly string[];
  readonly disabled?: boolean;
}

export interface TestIdentities {
  readonly users: readonly TestUser[];
  readonly policies?: Readonly<Record<string, unknown>>;
  readonly groups?: Readonly<
    Record<string, { readonly members: readonly string[]; readonly policies?: readonly string[] }>
  >;
}

const IAM: VolumePath = ['.minio.sys', 'config', 'iam'];
const NEVER = '0001-01-01T00:00:00Z';

/** Writes users, groups, policies and what is attached to whom. */
export async function writeIdentities(volume: TestVolume, identities: TestIdentities): Promise<void> {
  const files: [VolumePath, unknown][] = [[[...IAM, 'format.json'], { version: 1 }]];
  const attach = (kind: string, name: string, policies: readonly string[] | undefined): void => {
    if (policies === undefined) return;
    files.push([[...IAM, 'policydb', kind, `${name}.json`], { version: 1, policy: policies.join(',') }]);
  };
  for (const { accessKey, secretKey, disabled, policies } of identities.users) {
    const credentials = { accessKey, secretKey, expiration: NEVER, status: disabled === true ? 'off' : 'on' };
    files.push([[...IAM, 'users', accessKey, 'identity.json'], { version: 1, credentials }]);
    attach('users', accessKey, policies);
  }
  for (const [name, document] of Object.entries(identities.policies ?? {})) {
    files.push([[...IAM, 'policies', name, 'policy.json'], document]);
  }
  for (const [name, { members, policies }] of Object.entries(identities.groups ?? {})) {
    files.push([[...IAM, 'groups', name, 'members.json'], { version: 1, status: 'enabled', members }]);
    attach('groups', name, policies);
  }
  await writeFiles(volume, files);
}

/** Writes JSON files into a volume. */
export async function writeFiles(
  volume: TestVolume,
  files: readonly (readonly [VolumePath, unknown])[],
): Promise<void> {
  const open = await openVolume(volume.metaUrl, { storage: 'file', bucket: `${volume.objects}/` });
  try {
    for (const [path, content] of files) {
      const writer = open.create(path);
      await writer.write(Buffer.from(JSON.stringify(content)));
      await writer.commit();
    }
  } finally {
    await open.close();
  }
}

/** Reads a JSON file of a volume. */
export async function readJsonFile(volume: TestVolume, path: VolumePath): Promise<unknown> {
  const open = await openVolume(volume.metaUrl, { storage: 'file', bucket: `${volume.objects}/`, readOnly: true });
  try {
    const reader = await open.open(path);
    const parts: Uint8Array[] = [];
    for await (const part of reader.read(0, reader.attributes.size)) parts.push(part);
    await reader.close();
    return JSON.parse(Buffer.concat(parts).toString());
  } finally {
    await open.close();
  }
}
