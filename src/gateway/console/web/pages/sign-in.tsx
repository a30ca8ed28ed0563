// Signing in: with the access key and secret of a user, of a service account, or of a session with its token, or at an identity provider
// where one is configured.
import { useState } from 'preact/hooks';
import { type Identity, identityProviders, leaveFor, signIn, signInAddress } from '../api/session.ts';
import { Problem } from '../parts/dialog.tsx';
import { useLoaded, useRunning } from '../parts/hooks.ts';
import { t } from '../parts/language.ts';

interface SignInProps {
  readonly choices: preact.ComponentChildren;
  readonly problem: string | undefined;
  readonly onSignedIn: (identity: Identity) => void;
}

export function SignInPage({ choices, problem, onSignedIn }: SignInProps) {
  const { isRunning, error, run } = useRunning();
  const [hasToken, setHasToken] = useState(false);
  const providers = useLoaded(identityProviders, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const field = (name: string): string => String(fields.get(name) ?? '');
    const sessionToken = field('sessionToken').trim();
    run(async () => {
      onSignedIn(
        await signIn({
          accessKey: field('accessKey'),
          secretKey: field('secretKey'),
          ...(sessionToken === '' ? {} : { sessionToken }),
        }),
      );
      form.reset();
    });
  };
  return (
    <main class="center">
      <form class="card sign-in" onSubmit={submit}>
        <h1>Portcullis</h1>
        <label>
          {t('Access key')}
          <input name="accessKey" autocomplete="username" required autofocus spellcheck={false} />
        </label>
        <label>
          {t('Secret key')}
          <input name="secretKey" type="password" autocomplete="current-password" required />
        </label>
        {hasToken ? (
          <label>
            {t('Session token')}
            <textarea name="sessionToken" rows={3} spellcheck={false} />
          </label>
        ) : (
          <button type="button" class="link whole" onClick={() => setHasToken(true)}>
            {t('I have temporary credentials')}
          </button>
        )}
        <Problem text={error ?? problem ?? providers.error} />
        <button type="submit" class="primary" disabled={isRunning}>
          {t('Sign in')}
        </button>
        {(providers.value ?? []).map(({ name, label }) => (
          <button
            key={name}
            type="button"
            class="provider"
            disabled={isRunning}
            onClick={() => run(async () => leaveFor(await signInAddress(name)))}
          >
            {t('Sign in with {0}', label)}
          </button>
        ))}
        {choices}
      </form>
    </main>
  );
}
