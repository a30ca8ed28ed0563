// Putting files into a folder of a bucket: chosen, dropped, and folders made; and reading the folder again when something came into it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { createFolder } from '../api/s3.ts';
import { type DoneProps, FormDialog } from '../parts/form-dialog.tsx';
import { t } from '../parts/language.ts';
import { droppedFiles, type Upload, type UploadQueue } from '../parts/uploads.ts';

/** Files of a drop that are handed over at a time. */
const DROPPED_AT_ONCE = 500;
/** A folder that is uploaded into is read again at most this often, milliseconds, and for at most a tenth of the time. */
const REFRESH_MS = 1_000;
const REFRESH_PAUSE = 10;

export type FilesToUpload = Iterable<{ readonly path: string; readonly file: File }>;

/** Hands over the files of a drop, folders followed to their ends. */
export async function takeDrop(items: DataTransferItemList, upload: (files: FilesToUpload) => void): Promise<void> {
  let some: { path: string; file: File }[] = [];
  for await (const dropped of droppedFiles(items)) {
    some.push(dropped);
    if (some.length === DROPPED_AT_ONCE) {
      upload(some);
      some = [];
    }
  }
  if (some.length > 0) upload(some);
}

/** Reads the folder again when something was uploaded into it: not for every file of many, and not while it is being read. */
export function useRefreshAfterUploads(
  uploads: UploadQueue,
  bucket: string,
  prefix: string,
  isLoading: boolean,
  reload: () => void,
): void {
  const [isDue, setDue] = useState(false);
  const began = useRef(0);
  const took = useRef(0);
  useEffect(() => {
    if (isLoading) began.current = performance.now();
    else took.current = performance.now() - began.current;
  }, [isLoading]);
  useEffect(() => {
    const uploaded = (event: Event): void => {
      const { detail } = event as CustomEvent<Upload>;
      if (detail.bucket === bucket && detail.key.startsWith(prefix)) setDue(true);
    };
    uploads.addEventListener('uploaded', uploaded);
    return () => uploads.removeEventListener('uploaded', uploaded);
  }, [uploads, bucket, prefix]);
  useEffect(() => {
    if (!isDue || isLoading) return undefined;
    const timer = setTimeout(
      () => {
        setDue(false);
        reload();
      },
      Math.max(REFRESH_MS, REFRESH_PAUSE * took.current),
    );
    return () => clearTimeout(timer);
  }, [isDue, isLoading, reload]);
}

export function UploadButtons({ onFiles }: { readonly onFiles: (files: FilesToUpload) => void }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const chosen = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    onFiles([...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
    input.value = '';
  };
  return (
    <>
      <input
        ref={files}
        class="hidden"
        type="file"
        multiple
        aria-label={t('Files to upload')}
        tabIndex={-1}
        onChange={chosen}
      />
      <input
        ref={(element) => {
          folder.current = element;
          element?.setAttribute('webkitdirectory', '');
        }}
        class="hidden"
        type="file"
        aria-label={t('Folder to upload')}
        tabIndex={-1}
        onChange={chosen}
      />
      <button type="button" class="primary" onClick={() => files.current?.click()}>
        {t('Upload files')}
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        {t('Upload a folder')}
      </button>
    </>
  );
}

interface NewFolderProps extends DoneProps {
  readonly bucket: string;
  readonly prefix: string;
}

export function NewFolder({ bucket, prefix, ...props }: NewFolderProps) {
  return (
    <FormDialog
      title={t('New folder')}
      action={t('Create folder')}
      work={(fields) => createFolder(bucket, `${prefix}${String(fields.get('name')).replace(/\/+$/, '')}/`)}
      {...props}
    >
      <label>
        {t('Name')}
        <input name="name" required autofocus />
      </label>
    </FormDialog>
  );
}
