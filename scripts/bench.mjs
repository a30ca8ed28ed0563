// npm run bench: builds the benchmarks as dist/ is built, so that what is measured is what ships, and runs them in this process.
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Under the packages, where theirs are found; of this process alone, for two may run at once.
const outdir = join(root, 'node_modules', '.cache', 'portcullis-bench', String(process.pid));
await build({
  absWorkingDir: root,
  entryPoints: readdirSync(join(root, 'bench')).flatMap((name) => (name.endsWith('.ts') ? [`bench/${name}`] : [])),
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
await import(pathToFileURL(join(outdir, 'main.mjs')).href);
