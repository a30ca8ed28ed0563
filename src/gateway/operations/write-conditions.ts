// An early look at the preconditions of a write, before its body travels. What counts is the guard in the commit.
import type { CommitGuard, ExistingFile, Volume, VolumePath } from '../../juicefs/volume.ts';
import { isMissing } from './volume-errors.ts';

/** Throws what the guard throws for what stands at the path now. */
export async function requireWriteConditions(
  volume: Volume,
  path: VolumePath,
  guard: CommitGuard | undefined,
): Promise<void> {
  if (guard === undefined) return;
  let existing: ExistingFile | undefined;
  try {
    existing = await volume.statWithXattrs(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  guard(existing);
}
