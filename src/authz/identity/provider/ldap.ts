// A directory (LDAP, Active Directory): whether a user name and password are right, and in which groups the user is.
// RFC 4513 (authentication), 4515 (filters), 4514 (distinguished names).
import {
  Client,
  InappropriateAuthError,
  InvalidCredentialsError,
  InvalidDNSyntaxError,
  NoSuchObjectError,
  SizeLimitExceededError,
  UnwillingToPerformError,
} from 'ldapts';
import type { DirectoryUser } from '../external-identity.ts';
import { ProviderRefusal } from './provider-refusal.ts';

export interface LdapSettings {
  /** HOST:PORT. */
  readonly serverAddress: string;
  /** 'tls' from the first byte, 'starttls' before anything else is said, or 'none'. */
  readonly transport: 'tls' | 'starttls' | 'none';
  readonly tlsSkipVerify: boolean;
  /** How a user is found: by searching with an account of this service, … */
  readonly lookup:
    | {
        readonly bindDn: string;
        readonly bindPassword: string;
        readonly baseDns: readonly string[];
        /** `(uid=%s)`; %s is the user name. */
        readonly filter: string;
      }
    | undefined;
  /** … or by its name in these patterns: `uid=%s,ou=people,dc=example,dc=com`. */
  readonly usernameFormats: readonly string[];
  /** `(&(objectclass=groupOfNames)(member=%d))`; %s is the user name, %d the user's distinguished name. */
  readonly groups: { readonly baseDns: readonly string[]; readonly filter: string } | undefined;
}

const TIMEOUT_MS = 5_000;
/** Characters of a user name and of a password. */
const MAX_USERNAME_CHARACTERS = 256;
const MAX_PASSWORD_CHARACTERS = 1_024;
/** Groups of one user; more are a refusal, because a Deny may hang on one of them. */
const MAX_GROUPS = 1_000;
/** Conversations with the directory at once. */
const MAX_CONVERSATIONS = 32;

const WRONG = 'The user name or the password is not right.';

export class LdapDirectory {
  readonly #settings: LdapSettings;
  #conversations = 0;

  constructor(settings: LdapSettings) {
    this.#settings = settings;
  }

  /** The user whose name and password these are. Throws ProviderRefusal. */
  async authenticate(username: string, password: string): Promise<DirectoryUser> {
    // RFC 4513, 5.1.2: a bind without a password always succeeds, and proves nothing
    if (username === '' || password === '' || username.includes('\0') || password.includes('\0')) {
      throw new ProviderRefusal('rejected', WRONG);
    }
    if (username.length > MAX_USERNAME_CHARACTERS || password.length > MAX_PASSWORD_CHARACTERS) {
      throw new ProviderRefusal('rejected', WRONG);
    }
    if (this.#conversations >= MAX_CONVERSATIONS) {
      throw new ProviderRefusal('unavailable', 'The directory is busy. Try again.');
    }
    this.#conversations += 1;
    const client = this.#client();
    try {
      if (this.#settings.transport === 'starttls') await client.startTLS(this.#tlsOptions());
      return await this.#find(client, username, password);
    } catch (cause) {
      if (cause instanceof ProviderRefusal) throw cause;
      // more than was asked for: a name that is not one user's, or a user in too many groups
      if (cause instanceof SizeLimitExceededError) throw new ProviderRefusal('rejected', WRONG, { cause });
      throw new ProviderRefusal('unavailable', 'The directory cannot be asked at the moment.', { cause });
    } finally {
      this.#conversations -= 1;
      // what the directory says to a goodbye changes nothing
      await client.unbind().catch(() => undefined);
    }
  }

  async #find(client: Client, username: string, password: string): Promise<DirectoryUser> {
    const { lookup } = this.#settings;
    if (lookup === undefined) {
      const dn = await this.#bindByFormat(client, username, password);
      return { username, dn, groups: await this.#groupsOf(client, username, dn) };
    }
    await client.bind(lookup.bindDn, lookup.bindPassword);
    const filter = lookup.filter.replaceAll('%s', escapeFilter(username));
    const found = (await Promise.all(lookup.baseDns.map((base) => search(client, base, filter, 2)))).flat();
    const [dn] = found;
    // two of one name: nobody can say whose password it should be
    if (dn === undefined || found.length > 1) throw new ProviderRefusal('rejected', WRONG);
    const groups = await this.#groupsOf(client, username, dn);
    await bindAs(client, dn, password);
    return { username, dn, groups };
  }

  async #bindByFormat(client: Client, username: string, password: string): Promise<string> {
    for (const format of this.#settings.usernameFormats) {
      const dn = format.replaceAll('%s', escapeDn(username));
      try {
        await bindAs(client, dn, password);
        return dn;
      } catch (error) {
        if (!(error instanceof ProviderRefusal)) throw error;
      }
    }
    throw new ProviderRefusal('rejected', WRONG);
  }

  async #groupsOf(client: Client, username: string, dn: string): Promise<readonly string[]> {
    const { groups } = this.#settings;
    if (groups === undefined) return [];
    const filter = groups.filter.replaceAll(/%[sd]/g, (sign) => escapeFilter(sign === '%s' ? username : dn));
    const found = await Promise.all(groups.baseDns.map((base) => search(client, base, filter, MAX_GROUPS)));
    const names = [...new Set(found.flat())];
    if (names.length >= MAX_GROUPS) throw new ProviderRefusal('rejected', 'The user is in too many groups.');
    return names;
  }

  #client(): Client {
    const { serverAddress, transport } = this.#settings;
    const scheme = transport === 'tls' ? 'ldaps' : 'ldap';
    return new Client({
      url: `${scheme}://${serverAddress}`,
      timeout: TIMEOUT_MS,
      connectTimeout: TIMEOUT_MS,
      strictDN: false,
      ...(transport === 'tls' ? { tlsOptions: this.#tlsOptions() } : {}),
    });
  }

  #tlsOptions(): { rejectUnauthorized: boolean; servername: string } {
    const { serverAddress, tlsSkipVerify } = this.#settings;
    const host = serverAddress.replace(/:\d+$/, '');
    return { rejectUnauthorized: !tlsSkipVerify, servername: /^[\d.]+$|:/.test(host) ? '' : host };
  }
}

/** How directories say that somebody may not in: a wrong password, no password, no such entry, a locked one. */
const REFUSED_BIND = [
  InvalidCredentialsError,
  InappropriateAuthError,
  NoSuchObjectError,
  InvalidDNSyntaxError,
  UnwillingToPerformError,
];

async function bindAs(client: Client, dn: string, password: string): Promise<void> {
  try {
    await client.bind(dn, password);
  } catch (cause) {
    if (REFUSED_BIND.some((kind) => cause instanceof kind)) throw new ProviderRefusal('rejected', WRONG, { cause });
    throw cause;
  }
}

/** Distinguished names of what a filter finds below a base. */
async function search(client: Client, base: string, filter: string, sizeLimit: number): Promise<string[]> {
  const { searchEntries } = await client.search(base, { scope: 'sub', filter, attributes: ['1.1'], sizeLimit });
  return searchEntries.map(({ dn }) => dn);
}

/** RFC 4515, 3: text as a value of a filter. */
export function escapeFilter(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const isPlain = byte > 0x1f && byte < 0x7f && !'*()\\'.includes(String.fromCharCode(byte));
      return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

/** RFC 4514, 2.4: text as a value in a distinguished name. */
export function escapeDn(text: string): string {
  return text
    .replace(/["+,;<>\\=]/g, (sign) => `\\${sign}`)
    .replace(/^[# ]/, (sign) => `\\${sign}`)
    .replace(/ $/, '\\ ');
}
