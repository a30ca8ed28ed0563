// Regenerates proto/gen from the .proto files (npm run proto). CI runs it and fails on a difference.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const buf = join(root, 'node_modules', '.bin', 'buf');
rmSync(join(root, 'proto', 'gen'), { recursive: true, force: true });
execFileSync(buf, ['generate', '--template', 'buf.gen.yaml'], { cwd: join(root, 'proto'), stdio: 'inherit' });
