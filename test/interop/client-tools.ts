// The client programs that the interoperability tests drive: found on the PATH, or missed loudly.
import { spawnSync } from 'node:child_process';

/** Continuous integration installs all of them, so there a missing one is a failure. */
const MANDATORY = process.env.PORTCULLIS_CI === '1';

function works(command: string, args: readonly string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 });
  if (status === 0) return true;
  const what = [command, ...args].join(' ');
  if (MANDATORY) throw new Error(`PORTCULLIS_CI=1, and "${what}" does not work`);
  process.stderr.write(`\nSKIPPED: interoperability tests of ${command}, because "${what}" does not work here\n\n`);
  return false;
}

export const hasAwsCli = works('aws', ['--version']);
export const hasBoto3 = works('python3', ['-c', 'import boto3']);
export const hasMinioAdmin = works('python3', ['-c', 'from minio import MinioAdmin']);
export const hasCurl = works('curl', ['--version']);
export const hasS3cmd = works('s3cmd', ['--version']);
export const hasRclone = works('rclone', ['version']);
export const hasS3fs = works('s3fs', ['--version']);
