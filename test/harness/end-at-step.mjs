// Loaded before a gateway (node --import): ends its primary process with SIGKILL at the step whose number END_AT_STEP names ("12", or
// "12 torn" for within a write). Steps are what the process does, one after the other, once it is asked to begin (a file END_FOLDER/begin
// is there): on files in END_FOLDER, on the connection to port END_PORT, and telling a worker that events are taken. Each is written into
// END_FOLDER/steps before it is done.
import cluster from 'node:cluster';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';

const folder = process.env.END_FOLDER ?? '';
const [at = '', torn] = (process.env.END_AT_STEP ?? '').split(' ');
const port = Number(process.env.END_PORT);
// workers and the sidecar are other processes
if (folder !== '' && process.argv[2] === 'gateway') watch();

function watch() {
  const { appendFileSync, existsSync, openSync, writeFileSync } = fs;
  let steps = 0;
  let begun = false;
  const isOurs = (path) =>
    typeof path === 'string' && path.startsWith(folder) && /^\/(?:portcullis|minio)-/.test(path.slice(folder.length));

  /** Does a step, unless the process ends at it. */
  function step(name, work, half) {
    begun ||= existsSync(`${folder}/begin`);
    if (!begun) return work();
    const number = steps++;
    appendFileSync(`${folder}/steps`, `${name}\n`);
    if (at === '' || Number(at) !== number) return work();
    if (torn === undefined || half === undefined) process.kill(process.pid, 'SIGKILL');
    return Promise.resolve(half()).then(() => process.kill(process.pid, 'SIGKILL'));
  }

  for (const name of ['mkdirSync', 'openSync', 'renameSync', 'copyFileSync', 'rmSync']) {
    const original = fs[name];
    fs[name] = (path, ...more) => (isOurs(path) ? step(name, () => original(path, ...more)) : original(path, ...more));
  }
  fs.writeFileSync = (path, data, ...more) => {
    if (!isOurs(path)) return writeFileSync(path, data, ...more);
    const half = () => writeFileSync(openSync(path, 'w'), String(data).slice(0, data.length / 2));
    return step(`write ${path.split('/').at(-1)}`, () => writeFileSync(path, data, ...more), half);
  };

  const { open } = promises;
  promises.open = async (path, ...more) => {
    if (!isOurs(path)) return open(path, ...more);
    const file = await step('open', () => open(path, ...more));
    const { write } = file;
    file.write = (bytes, from, length, position) =>
      step(
        'write',
        () => write.call(file, bytes, from, length, position),
        () => write.call(file, bytes, from, Math.floor((length ?? bytes.length) / 2), position),
      );
    for (const name of ['sync', 'datasync']) {
      const original = file[name];
      file[name] = () => step(name, () => original.call(file));
    }
    return file;
  };

  const { send } = cluster.Worker.prototype;
  cluster.Worker.prototype.send = function (message, ...more) {
    const tell = () => send.call(this, message, ...more);
    return message?.type === 'events-taken' ? step('events are taken', tell) : tell();
  };

  const { emit, write } = Socket.prototype;
  Socket.prototype.write = function (...args) {
    return this.remotePort === port ? step('to the target', () => write.apply(this, args)) : write.apply(this, args);
  };
  Socket.prototype.emit = function (name, ...args) {
    const hear = () => emit.call(this, name, ...args);
    return name === 'data' && this.remotePort === port ? step('from the target', hear) : hear();
  };
  syncBuiltinESMExports();
}
