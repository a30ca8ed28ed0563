// One object: what it is, a look inside, its tags, and a link to share.
import { useState } from 'preact/hooks';
import { getTags, headObject, objectUrl, putTags, type StoredObject, storageFacts, type Tags } from '../api/s3.ts';
import { Dialog, Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { Icon } from '../parts/icons.tsx';
import { formatDate, formatSize, t } from '../parts/language.ts';
import { plainName } from '../parts/plain-name.tsx';
import { useRights } from '../parts/rights.ts';
import { DeleteSelection } from './change-selection.tsx';
import { Preview } from './preview.tsx';
import { Share } from './share.tsx';

interface DetailsProps {
  readonly bucket: string;
  readonly object: StoredObject;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

type Tab = 'preview' | 'details' | 'tags' | 'share';

export function ObjectDetails({ bucket, object, onClose, onChanged }: DetailsProps) {
  const { key } = object;
  const may = useRights(
    {
      get: { action: 's3:GetObject', bucket, key },
      remove: { action: 's3:DeleteObject', bucket, key },
      readFacts: { action: 's3:GetObjectAttributes', bucket, key },
      readTags: { action: 's3:GetObjectTagging', bucket, key },
      tag: { action: 's3:PutObjectTagging', bucket, key },
    },
    [bucket, key],
  );
  const [tab, setTab] = useState<Tab>('preview');
  const [isDeleting, setDeleting] = useState(false);
  const details = useLoaded(() => headObject(bucket, key), [bucket, key]);
  const name = key.slice(key.lastIndexOf('/', key.length - 2) + 1);
  const tabs: readonly (readonly [Tab, string])[] = [
    ['preview', t('Preview')],
    ['details', t('Details')],
    ...(may.readTags ? [['tags', t('Tags')] as const] : []),
    ...(may.get ? [['share', t('Share')] as const] : []),
  ];
  // One stop of the Tab key; the arrows turn the pages. ARIA Authoring Practices, Tabs.
  const turn = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const at = tabs.findIndex(([id]) => id === tab);
    const [next] = tabs[(at + step + tabs.length) % tabs.length] ?? [tab];
    setTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  if (isDeleting) {
    return (
      <DeleteSelection bucket={bucket} selected={{ keys: [key], prefixes: [] }} onClose={onClose} onDone={onChanged} />
    );
  }
  return (
    <Dialog title={plainName(name)} onClose={onClose} wide>
      <div class="tabs">
        <div role="tablist" aria-label={t('About this object')} onKeyDown={turn}>
          {tabs.map(([id, label]) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`tab-${id}`}
              aria-selected={tab === id}
              aria-controls="tab-panel"
              tabIndex={tab === id ? 0 : -1}
              onClick={() => setTab(id)}
            >
              {label}
            </button>
          ))}
        </div>
        <span class="tools">
          {may.get && (
            <a class="button" href={objectUrl(bucket, key)} download={name}>
              {t('Download')}
            </a>
          )}
          {may.remove && (
            <button type="button" class="danger" onClick={() => setDeleting(true)}>
              {t('Delete')}
            </button>
          )}
        </span>
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <Problem text={details.error} />
        {tab === 'preview' && details.value !== undefined && (
          <Preview bucket={bucket} objectKey={key} name={name} details={details.value} />
        )}
        {tab === 'details' && details.value !== undefined && (
          <dl>
            <Fact name={t('Key')} value={plainName(key)} />
            <Fact name={t('Size')} value={`${formatSize(details.value.size)} (${details.value.size})`} />
            <Fact name={t('Modified')} value={formatDate(details.value.modified)} />
            <Fact name={t('Type')} value={details.value.contentType} />
            <Fact name="ETag" value={details.value.etag} />
            {may.get && may.readFacts && <Storage bucket={bucket} objectKey={key} />}
            {details.value.headers.map(([header, value]) => (
              <Fact key={header} name={header} value={value} />
            ))}
            {details.value.metadata.map(([header, value]) => (
              <Fact key={header} name={`x-amz-meta-${header}`} value={value} />
            ))}
          </dl>
        )}
        {tab === 'tags' && <TagsOf bucket={bucket} objectKey={key} mayChange={may.tag} />}
        {tab === 'share' && <Share bucket={bucket} objectKey={key} />}
      </div>
    </Dialog>
  );
}

/** How it is stored, which is asked for when somebody looks. */
function Storage({ bucket, objectKey }: { readonly bucket: string; readonly objectKey: string }) {
  const { value, error } = useLoaded(() => storageFacts(bucket, objectKey), [bucket, objectKey]);
  return (
    <>
      <Fact name={t('Storage class')} value={value?.storageClass ?? error ?? ''} />
      <Fact name={t('Uploaded in parts')} value={value?.parts ?? ''} />
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  if (value === '') return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

interface TagsProps {
  readonly bucket: string;
  readonly objectKey: string;
  readonly mayChange: boolean;
}

function TagsOf({ bucket, objectKey, mayChange }: TagsProps) {
  const { value, error, reload } = useLoaded(() => getTags(bucket, objectKey), [bucket, objectKey]);
  const [edited, setEdited] = useState<Tags>();
  const saving = useRunning();
  const tags = edited ?? value ?? [];
  const change = (index: number, name: string, content: string): void =>
    setEdited(tags.map((tag, each) => (each === index ? [name, content] : tag)));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        saving
          .run(() =>
            putTags(
              bucket,
              objectKey,
              tags.filter(([name]) => name !== ''),
            ),
          )
          .then((done) => {
            if (!done) return;
            setEdited(undefined);
            reload();
          });
      }}
    >
      {tags.map(([name, content], index) => (
        <div class="pair" key={index}>
          <input
            aria-label={t('Key of tag {0}', index + 1)}
            value={name}
            readOnly={!mayChange}
            onInput={(event) => change(index, event.currentTarget.value, content)}
          />
          <input
            aria-label={t('Value of tag {0}', index + 1)}
            value={content}
            readOnly={!mayChange}
            onInput={(event) => change(index, name, event.currentTarget.value)}
          />
          {mayChange && (
            <button
              type="button"
              class="bare"
              aria-label={t('Remove tag {0}', name)}
              onClick={() => setEdited(tags.filter((_, each) => each !== index))}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
      {tags.length === 0 && error === undefined && <p class="empty">{t('It has no tags.')}</p>}
      <Problem text={saving.error ?? error} />
      {mayChange && (
        <footer>
          <button type="button" disabled={tags.length >= 10} onClick={() => setEdited([...tags, ['', '']])}>
            {t('Add a tag')}
          </button>
          <button type="submit" class="primary" disabled={edited === undefined || saving.isRunning}>
            {t('Save')}
          </button>
        </footer>
      )}
    </form>
  );
}
