// npm start: builds, then `portcullis start` in this very process, so that signals reach it.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
const main = join(root, 'dist', 'cli', 'main.js');
process.argv.splice(1, process.argv.length - 1, main, 'start', ...process.argv.slice(2));
await import(pathToFileURL(main).href);
