// Whether the gateway, its sidecar and the targets of notifications are well, looked at again and again while the page is open.
import { Fragment } from 'preact';
import { useEffect } from 'preact/hooks';
import { health, serverInfo } from '../api/health.ts';
import { Problem } from '../parts/dialog.tsx';
import { useLoaded } from '../parts/hooks.ts';
import { formatDuration, formatSize, t } from '../parts/language.ts';

const AGAIN_MS = 10_000;

export function HealthPage() {
  const state = useLoaded(health, []);
  const info = useLoaded(serverInfo, []);
  useEffect(() => {
    const timer = setInterval(() => {
      state.reload();
      info.reload();
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, [state.reload, info.reload]);
  const { value } = info;
  return (
    <section aria-busy={state.isLoading && state.value === undefined}>
      <header class="page">
        <h1>{t('Health')}</h1>
      </header>
      <Problem text={state.error ?? info.error} />
      <article class="card">
        <h2>{t('Services')}</h2>
        <dl>
          <dt>{t('Gateway')}</dt>
          <dd>{state.value !== undefined && <State isOnline={state.value.gateway} />}</dd>
          <dt>{t('Sidecar')}</dt>
          <dd>{state.value !== undefined && <State isOnline={state.value.sidecar} />}</dd>
        </dl>
      </article>
      {value !== undefined && (
        <>
          <article class="card">
            <h2>{t('Volume')}</h2>
            <dl>
              <dt>{t('Version')}</dt>
              <dd>{value.version}</dd>
              <dt>{t('Running for')}</dt>
              <dd>{formatDuration(value.uptimeSeconds)}</dd>
              {value.region !== '' && (
                <>
                  <dt>{t('Region')}</dt>
                  <dd>{value.region}</dd>
                </>
              )}
              {value.deploymentId !== '' && (
                <>
                  <dt>{t('Volume id')}</dt>
                  <dd>{value.deploymentId}</dd>
                </>
              )}
              <dt>{t('Buckets')}</dt>
              <dd>{value.buckets}</dd>
              <dt>{t('Files and folders')}</dt>
              <dd>{value.objects}</dd>
              <dt>{t('Size')}</dt>
              <dd>{formatSize(value.bytes)}</dd>
            </dl>
          </article>
          <article class="card">
            <h2>{t('Targets of notifications')}</h2>
            {value.eventTargets.length === 0 ? (
              <p class="empty">{t('No targets are configured.')}</p>
            ) : (
              <dl>
                {value.eventTargets.map(({ type, name, isOnline }) => (
                  <Fragment key={`${type}:${name}`}>
                    <dt>
                      {type} {name}
                    </dt>
                    <dd>
                      <State isOnline={isOnline} />
                    </dd>
                  </Fragment>
                ))}
              </dl>
            )}
          </article>
        </>
      )}
    </section>
  );
}

function State({ isOnline }: { readonly isOnline: boolean }) {
  return <span class={isOnline ? 'allowed' : 'denied'}>{isOnline ? t('online') : t('offline')}</span>;
}
