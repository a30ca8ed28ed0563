// The buckets that whoever is signed in may see, and making and removing them.
import { useState } from 'preact/hooks';
import { type Bucket, createBucket, deleteBucket, listBuckets } from '../api/s3.ts';
import { mayI } from '../api/session.ts';
import { Problem } from '../parts/dialog.tsx';
import { Confirm, type DoneProps, FormDialog } from '../parts/form-dialog.tsx';
import { useLoaded } from '../parts/hooks.ts';
import { formatDate, t } from '../parts/language.ts';
import { linkTo } from '../parts/route.ts';
import { Table } from '../parts/table.tsx';
import { RowButton } from './row-buttons.tsx';

interface Shown extends Bucket {
  readonly mayDelete: boolean;
  readonly mayConfigure: boolean;
}

async function load(): Promise<{ buckets: Shown[]; mayCreate: boolean }> {
  const buckets = await listBuckets();
  const [create, ...each] = await mayI([
    { action: 's3:CreateBucket', bucket: 'new-bucket' },
    ...buckets.flatMap(({ name }) => [
      { action: 's3:DeleteBucket', bucket: name },
      { action: 's3:GetBucketPolicy', bucket: name },
    ]),
  ]);
  return {
    mayCreate: create === true,
    buckets: buckets.map((bucket, index) => ({
      ...bucket,
      mayDelete: each[index * 2] === true,
      mayConfigure: each[index * 2 + 1] === true,
    })),
  };
}

export function BucketsPage() {
  const { value, error, isLoading, reload } = useLoaded(load, []);
  const [isCreating, setCreating] = useState(false);
  const [removing, setRemoving] = useState<string>();
  return (
    <section aria-busy={isLoading}>
      <header class="page">
        <h1>{t('Buckets')}</h1>
        {value?.mayCreate === true && (
          <button type="button" class="primary" onClick={() => setCreating(true)}>
            {t('Create bucket')}
          </button>
        )}
      </header>
      <Problem text={error} />
      {value !== undefined && (
        <Table
          label={t('Buckets')}
          rows={value.buckets}
          keyOf={({ name }) => name}
          textOf={({ name }) => name}
          empty={t('There are no buckets to see.')}
          columns={[
            {
              head: t('Name'),
              cell: ({ name }) => <a href={linkTo({ page: 'files', bucket: name, prefix: '' })}>{name}</a>,
            },
            { head: t('Created'), isShort: true, cell: ({ created }) => formatDate(created) },
          ]}
          actions={({ name, mayDelete, mayConfigure }) => (
            <>
              {mayConfigure && (
                <a
                  class="button"
                  href={linkTo({ page: 'bucket', bucket: name })}
                  aria-label={t('Settings of {0}', name)}
                >
                  {t('Settings')}
                </a>
              )}
              {mayDelete && (
                <RowButton name={t('Delete')} label={t('Delete {0}', name)} onClick={() => setRemoving(name)} />
              )}
            </>
          )}
        />
      )}
      {isCreating && <CreateBucket onClose={() => setCreating(false)} onDone={reload} />}
      {removing !== undefined && (
        <Confirm
          title={t('Delete bucket')}
          text={t('The bucket {0} is deleted if it is empty.', removing)}
          action={t('Delete')}
          work={() => deleteBucket(removing, { force: false })}
          onClose={() => setRemoving(undefined)}
          onDone={reload}
        />
      )}
    </section>
  );
}

function CreateBucket(props: DoneProps) {
  return (
    <FormDialog
      title={t('Create bucket')}
      action={t('Create bucket')}
      work={(fields) => createBucket(String(fields.get('name')))}
      {...props}
    >
      <label>
        {t('Name')}
        <input name="name" required autofocus spellcheck={false} aria-describedby="bucket-name-rule" />
      </label>
      <p id="bucket-name-rule" class="hint">
        {t('3 to 63 small letters, digits, dots and hyphens.')}
      </p>
    </FormDialog>
  );
}
