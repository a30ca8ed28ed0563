// The frame of the page: signed in or not, what may be reached from here, and the open page.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, messageOf, sessionEnd } from './api/request.ts';
import { type Identity, mayI, type ProviderAnswer, signInWith, signOut, whoAmI } from './api/session.ts';
import { AccountsPage } from './pages/accounts.tsx';
import { AuditPage } from './pages/audit.tsx';
import { BucketPage } from './pages/bucket.tsx';
import { BucketsPage } from './pages/buckets.tsx';
import { FilesPage } from './pages/files.tsx';
import { GroupsPage } from './pages/groups.tsx';
import { HealthPage } from './pages/health.tsx';
import { PlaygroundPage } from './pages/playground.tsx';
import { PoliciesPage } from './pages/policies.tsx';
import { ServerPage } from './pages/server.tsx';
import { SessionsPage } from './pages/sessions.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { UploadsPanel } from './pages/uploads-panel.tsx';
import { UsersPage } from './pages/users.tsx';
import { Problem } from './parts/dialog.tsx';
import { initialLanguage, type Language, setLanguage, t } from './parts/language.ts';
import { linkTo, type Route, useRoute } from './parts/route.ts';
import { applyTheme, initialTheme, type Theme } from './parts/theme.ts';
import { UploadQueue } from './parts/uploads.ts';

type Session = { readonly state: 'asking' | 'none' } | { readonly state: 'open'; readonly identity: Identity };

/** Pages of administration, with the action that makes them worth showing. */
const ADMINISTRATION = [
  { page: 'users', action: 'admin:ListUsers' },
  { page: 'groups', action: 'admin:ListGroups' },
  { page: 'policies', action: 'admin:GetPolicy' },
  { page: 'sessions', action: 'admin:ListTemporaryAccounts' },
  { page: 'server', action: 'admin:ConfigUpdate' },
  { page: 'health', action: 'admin:ServerInfo' },
  { page: 'audit', action: 'admin:*' },
  { page: 'playground', action: 'admin:*' },
] as const;

type AdminPage = (typeof ADMINISTRATION)[number]['page'];

const uploads = new UploadQueue();

/** `answer`: what the browser came back with from an identity provider, if it did. */
export function App({ answer }: { readonly answer: ProviderAnswer | undefined }) {
  const [session, setSession] = useState<Session>({ state: 'asking' });
  const [problem, setProblem] = useState<string>();
  const [language, chooseLanguage] = useState<Language>(initialLanguage);
  const route = useRoute();
  useEffect(() => {
    (answer === undefined ? whoAmI() : signInWith(answer)).then(
      (identity) => setSession({ state: 'open', identity }),
      (error: unknown) => {
        setSession({ state: 'none' });
        if (!(error instanceof ApiError && error.status === 401)) setProblem(messageOf(error));
      },
    );
  }, []);
  useEffect(() => {
    const ended = (): void => setSession({ state: 'none' });
    sessionEnd.addEventListener('end', ended);
    return () => sessionEnd.removeEventListener('end', ended);
  }, []);
  const changeLanguage = useCallback((to: Language) => {
    setLanguage(to);
    chooseLanguage(to);
  }, []);
  if (session.state === 'asking') return <main class="center" aria-busy="true" />;
  const choices = <Choices language={language} onLanguage={changeLanguage} />;
  if (session.state !== 'open') {
    return (
      <SignInPage
        choices={choices}
        problem={problem}
        onSignedIn={(identity) => setSession({ state: 'open', identity })}
      />
    );
  }
  return (
    <Frame key={language} identity={session.identity} route={route} choices={choices}>
      <Page route={route} identity={session.identity} />
    </Frame>
  );
}

function Page({ route, identity }: { readonly route: Route; readonly identity: Identity }) {
  switch (route.page) {
    case 'buckets':
      return <BucketsPage />;
    case 'files':
      return (
        <FilesPage
          key={`${route.bucket}/${route.prefix}`}
          bucket={route.bucket}
          prefix={route.prefix}
          uploads={uploads}
        />
      );
    case 'bucket':
      return <BucketPage key={route.bucket} bucket={route.bucket} />;
    case 'users':
      return <UsersPage />;
    case 'groups':
      return <GroupsPage />;
    case 'policies':
      return <PoliciesPage />;
    case 'accounts':
      return <AccountsPage identity={identity} />;
    case 'sessions':
      return <SessionsPage />;
    case 'server':
      return <ServerPage />;
    case 'health':
      return <HealthPage />;
    case 'audit':
      return <AuditPage />;
    case 'playground':
      return <PlaygroundPage />;
  }
}

interface FrameProps {
  readonly identity: Identity;
  readonly route: Route;
  readonly choices: preact.ComponentChildren;
  readonly children: preact.ComponentChildren;
}

function Frame({ identity, route, choices, children }: FrameProps) {
  const [pages, setPages] = useState<readonly AdminPage[]>([]);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    mayI(ADMINISTRATION.map(({ action }) => ({ action }))).then(
      (allowed) => setPages(ADMINISTRATION.filter((_, index) => allowed[index] === true).map(({ page }) => page)),
      (error: unknown) => setProblem(messageOf(error)),
    );
  }, []);
  const opened = useRef(route.page);
  useEffect(() => {
    if (opened.current === route.page) return;
    opened.current = route.page;
    // What was chosen is read next, and on a narrow screen its link is in sight.
    document.getElementById('content')?.focus();
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [route.page]);
  const names = pageNames();
  const links = [
    { page: 'buckets', name: t('Buckets'), isOpen: ['buckets', 'files', 'bucket'].includes(route.page) },
    { page: 'accounts', name: t('Access keys'), isOpen: route.page === 'accounts' },
    ...pages.map((page) => ({ page, name: names[page], isOpen: route.page === page })),
  ] as const;
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={focusContent}>
        {t('Skip to the content')}
      </a>
      <nav aria-label={t('Pages')}>
        <div class="brand">
          <img src="/minio/icon.svg" width="22" height="22" alt="" />
          Portcullis
        </div>
        <ul>
          {links.map(({ page, name, isOpen }) => (
            <li key={page}>
              <a href={linkTo({ page } as Route)} aria-current={isOpen ? 'page' : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
        <div class="who">
          <div class="name" title={identity.arn}>
            {identity.type === 'ServiceAccount' ? identity.accessKey : identity.name}
          </div>
          {choices}
          <button
            type="button"
            onClick={() => {
              uploads.clear();
              signOut()
                .catch((error: unknown) => setProblem(messageOf(error)))
                .finally(() => sessionEnd.dispatchEvent(new Event('end')));
            }}
          >
            {t('Sign out')}
          </button>
        </div>
      </nav>
      <main id="content" tabIndex={-1}>
        <Problem text={problem} />
        {children}
      </main>
      <UploadsPanel queue={uploads} />
    </div>
  );
}

function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function pageNames(): Readonly<Record<AdminPage, string>> {
  return {
    users: t('Users'),
    groups: t('Groups'),
    policies: t('Policies'),
    sessions: t('Sessions'),
    server: t('Server'),
    health: t('Health'),
    audit: t('Audit'),
    playground: t('Playground'),
  };
}

interface ChoicesProps {
  readonly language: Language;
  readonly onLanguage: (language: Language) => void;
}

function Choices({ language, onLanguage }: ChoicesProps) {
  const [theme, setTheme] = useState<Theme>(initialTheme);
  return (
    <div class="choices">
      <select
        aria-label={t('Language')}
        value={language}
        onChange={(event) => onLanguage(event.currentTarget.value as Language)}
      >
        <option value="en">English</option>
        <option value="zh">中文</option>
      </select>
      <select
        aria-label={t('Colours')}
        value={theme}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Theme;
          applyTheme(chosen);
          setTheme(chosen);
        }}
      >
        <option value="system">{t('System')}</option>
        <option value="light">{t('Light')}</option>
        <option value="dark">{t('Dark')}</option>
      </select>
    </div>
  );
}
