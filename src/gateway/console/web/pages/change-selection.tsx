// Deleting, copying, moving and renaming what is selected. Folders are followed object by object: each is a request of its own, and
// what is refused is told while the rest goes on.
import { useState } from 'preact/hooks';
import { ApiError, messageOf } from '../api/request.ts';
import { copyObject, createFolder, deleteObject, objectsBelow } from '../api/s3.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { t } from '../parts/language.ts';

export interface Selected {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

/** Requests at a time. */
const AT_ONCE = 6;

async function* keysOf(bucket: string, { keys, prefixes }: Selected): AsyncIterable<string> {
  yield* keys;
  for (const prefix of prefixes) {
    for await (const { key } of objectsBelow(bucket, prefix)) yield key;
    // The folder itself, after what is in it.
    yield prefix;
  }
}

interface Progress {
  readonly done: number;
  readonly problems: readonly string[];
}

/** Does something with every key, some at a time; folders, whose keys end with '/', after everything else. */
async function forEach(
  keys: AsyncIterable<string>,
  work: (key: string) => Promise<void>,
  report: (progress: Progress) => void,
): Promise<Progress> {
  let done = 0;
  const problems: string[] = [];
  const one = async (key: string): Promise<void> => {
    try {
      await work(key);
      done += 1;
    } catch (error) {
      if (problems.length < 100) problems.push(`${key}: ${messageOf(error)}`);
    }
    report({ done, problems: [...problems] });
  };
  const running = new Set<Promise<void>>();
  const folders: string[] = [];
  for await (const key of keys) {
    if (key.endsWith('/')) {
      folders.push(key);
      continue;
    }
    const task = one(key).finally(() => running.delete(task));
    running.add(task);
    if (running.size >= AT_ONCE) await Promise.race(running);
  }
  await Promise.all(running);
  // The deepest first.
  for (const folder of folders.sort((a, b) => b.length - a.length)) await one(folder);
  return { done, problems };
}

interface ChangeProps {
  readonly bucket: string;
  /** What was selected when the dialog was opened: when something is refused, the rest of it may be tried again. */
  readonly selected: Selected;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function DeleteSelection({ bucket, selected: atFirst, onClose, onDone }: ChangeProps) {
  const [selected] = useState(atFirst);
  const { progress, isRunning, start } = useProgress(onClose, onDone);
  const count = selected.keys.length + selected.prefixes.length;
  return (
    <Dialog title={t('Delete')} onClose={onClose}>
      <p>{t('{0} entries are deleted, folders with all that is in them.', count)}</p>
      <Outcome progress={progress} />
      <footer>
        <button type="button" onClick={onClose}>
          {progress === undefined || isRunning ? t('Cancel') : t('Close')}
        </button>
        <button
          type="button"
          class="danger"
          disabled={isRunning}
          onClick={() =>
            start((report) => forEach(keysOf(bucket, selected), (key) => deleteObject(bucket, key), report))
          }
        >
          {t('Delete')}
        </button>
      </footer>
    </Dialog>
  );
}

export function MoveSelection({
  bucket,
  prefix,
  selected: atFirst,
  mayDelete,
  onClose,
  onDone,
}: ChangeProps & { readonly prefix: string; readonly mayDelete: boolean }) {
  const [selected] = useState(atFirst);
  const { progress, isRunning, start } = useProgress(onClose, onDone);
  const only =
    selected.keys.length + selected.prefixes.length === 1 ? (selected.keys[0] ?? selected.prefixes[0]) : undefined;
  const [toBucket, setToBucket] = useState(bucket);
  const [target, setTarget] = useState(only ?? prefix);
  const [replace, setReplace] = useState(false);
  const rename = (key: string): string => {
    if (only !== undefined) return only.endsWith('/') ? `${withSlash(target)}${key.slice(only.length)}` : target;
    return `${target === '' ? '' : withSlash(target)}${key.slice(prefix.length)}`;
  };
  const move = (keepSource: boolean): void =>
    start(async (report) => {
      // What is put there would be found as something to put there, without end.
      const into = selected.prefixes.find((folder) => toBucket === bucket && rename(folder).startsWith(folder));
      if (into !== undefined) throw new Error(t('A folder cannot be put into itself.'));
      return forEach(
        keysOf(bucket, selected),
        async (key) => {
          const to = { bucket: toBucket, key: rename(key) };
          if (to.bucket === bucket && to.key === key) throw new Error(t('It is there already.'));
          if (key.endsWith('/')) await createFolder(to.bucket, to.key);
          else await copyObject(bucket, key, to, { replace }).catch(tellWhatIsThere);
          if (!keepSource) await deleteObject(bucket, key);
        },
        report,
      );
    });
  return (
    <Dialog title={t('Copy, move or rename')} onClose={onClose}>
      <label>
        {t('To bucket')}
        <input value={toBucket} required onInput={(event) => setToBucket(event.currentTarget.value)} />
      </label>
      <label>
        {only === undefined ? t('To folder') : t('New name')}
        <input value={target} autofocus onInput={(event) => setTarget(event.currentTarget.value)} />
      </label>
      <label class="check">
        <input type="checkbox" checked={replace} onChange={() => setReplace(!replace)} />
        {t('Replace what is there')}
      </label>
      <Outcome progress={progress} />
      <footer>
        <button type="button" onClick={onClose}>
          {progress === undefined || isRunning ? t('Cancel') : t('Close')}
        </button>
        <button type="button" disabled={isRunning} onClick={() => move(true)}>
          {t('Copy')}
        </button>
        {mayDelete && (
          <button type="button" class="primary" disabled={isRunning} onClick={() => move(false)}>
            {t('Move')}
          </button>
        )}
      </footer>
    </Dialog>
  );
}

function tellWhatIsThere(error: unknown): never {
  throw error instanceof ApiError && error.code === 'PreconditionFailed'
    ? new Error(t('Something is there already.'), { cause: error })
    : error;
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}

function useProgress(onClose: () => void, onDone: () => void) {
  const [progress, setProgress] = useState<Progress>();
  const [isRunning, setRunning] = useState(false);
  const start = (work: (report: (progress: Progress) => void) => Promise<Progress>): void => {
    setRunning(true);
    setProgress({ done: 0, problems: [] });
    work(setProgress)
      .then(
        (end) => {
          if (end.problems.length === 0) onClose();
        },
        (error: unknown) => setProgress({ done: 0, problems: [messageOf(error)] }),
      )
      .finally(() => {
        setRunning(false);
        onDone();
      });
  };
  return { progress, isRunning, start };
}

function Outcome({ progress }: { readonly progress: Progress | undefined }) {
  if (progress === undefined) return null;
  return (
    <>
      <p role="status">{t('{0} done', progress.done)}</p>
      <Problem text={progress.problems.length === 0 ? undefined : progress.problems.join('\n')} />
    </>
  );
}
