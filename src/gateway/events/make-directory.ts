// Makes a directory with those above it, one by one. (Node's own recursive mkdir never comes back from places like /proc, where
// nothing can be made.)
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Fine when it is there. Throws what the file system throws. */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let place = path; ; place = dirname(place)) {
    const made = tryToMake(place);
    if (made === 'no-parent' && dirname(place) !== place) missing.push(place);
    else break;
  }
  // now every parent must be there
  for (const place of missing.reverse()) mkdirSync(place, { mode: 0o700 });
}

function tryToMake(path: string): 'there' | 'no-parent' {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'no-parent';
    if (code !== 'EEXIST') throw error;
  }
  return 'there';
}
