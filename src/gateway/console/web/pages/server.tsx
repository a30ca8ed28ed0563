// The configuration of the service, sub-system by sub-system, in the form that `mc admin config` shows it.
import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { configHelp, getConfig, resetConfig, setConfig } from '../api/admin.ts';
import { Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';

export function ServerPage() {
  const { value, error } = useLoaded(() => configHelp(''), []);
  const [chosen, setChosen] = useState('');
  return (
    <section>
      <header class="page">
        <h1>{t('Server')}</h1>
      </header>
      <Problem text={error} />
      <label class="inline wide">
        {t('Sub-system')}
        <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value="">{t('Choose one')}</option>
          {(value ?? []).map(({ key, description }) => (
            <option key={key} value={key}>
              {key} — {description}
            </option>
          ))}
        </select>
      </label>
      {chosen !== '' && <SubSystem key={chosen} name={chosen} />}
    </section>
  );
}

function SubSystem({ name }: { readonly name: string }) {
  const { value, error, reload } = useLoaded(
    async () => ({ lines: await getConfig(name), help: await configHelp(name) }),
    [name],
  );
  const [line, setLine] = useState('');
  const [needsRestart, setNeedsRestart] = useState(false);
  const saving = useRunning();
  return (
    <article class="card">
      <h2>{name}</h2>
      <pre class="text">{value?.lines}</pre>
      <dl>
        {(value?.help ?? []).map(({ key, type, description }) => (
          <Fragment key={key}>
            <dt>
              {key} {type === undefined ? '' : `(${type})`}
            </dt>
            <dd>{description}</dd>
          </Fragment>
        ))}
      </dl>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          saving.run(async () => setNeedsRestart(await setConfig(line))).then((done) => done && reload());
        }}
      >
        <label>
          {t('Set')}
          <input
            value={line}
            placeholder={`${name}:1 key="value"`}
            spellcheck={false}
            onInput={(event) => setLine(event.currentTarget.value)}
          />
        </label>
        <Problem text={saving.error ?? error} />
        {needsRestart && <p role="status">{t('It acts after the next start of the gateway.')}</p>}
        <footer>
          <button
            type="button"
            class="danger"
            disabled={saving.isRunning || line === ''}
            onClick={() => saving.run(() => resetConfig(line.split(' ')[0] ?? '')).then((done) => done && reload())}
          >
            {t('Reset')}
          </button>
          <button type="submit" class="primary" disabled={saving.isRunning || line === ''}>
            {t('Save')}
          </button>
        </footer>
      </form>
    </article>
  );
}
