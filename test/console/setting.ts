// What every test of the console stands in: a volume, a gateway with its sidecar, a browser, and people who look at the page, whose scripts
// never fail unseen.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { type TestIdentities, writeIdentities } from '../harness/iam.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { launchBrowser, signIn, type Visitor, visit } from './browser.ts';

export interface SettingOptions {
  readonly identities?: TestIdentities;
  /** Beside those of every gateway here. */
  readonly flags?: readonly string[];
  /** Asked for when the gateway is started. */
  readonly env?: () => Readonly<Record<string, string>>;
  /** Once the gateway serves. */
  readonly prepare?: (gateway: Gateway) => Promise<void>;
}

/** There from the first test on. */
export interface ConsoleSetting {
  readonly folder: string;
  readonly metaUrl: string;
  readonly gateway: Gateway;
  readonly browser: Browser;
  /** Another person, at the sign-in. */
  open(options?: Parameters<typeof visit>[2]): Promise<Page>;
  /** The same, signed in, at a place such as '#/users'. */
  openAs(keys: Keys, place?: string): Promise<Page>;
}

const FLAGS = ['--multi-buckets', '--workers', '1'];

/** Sets everything up for the tests of a `describe`, and clears it away after them. */
export function consoleSetting({ identities, flags = [], env, prepare }: SettingOptions = {}): ConsoleSetting {
  let made: Pick<ConsoleSetting, 'folder' | 'metaUrl' | 'gateway' | 'browser'> | undefined;
  const visitors: Visitor[] = [];
  let folder: string;
  let gateway: Gateway | undefined;
  let browser: Browser | undefined;
  const setting = (): NonNullable<typeof made> => {
    if (made === undefined) throw new Error('nothing is set up before the first test');
    return made;
  };
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    const volume = await formatTestVolume(folder);
    if (identities !== undefined) await writeIdentities(volume, identities);
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: [...FLAGS, ...flags],
      ...(env === undefined ? {} : { env: env() }),
    });
    await prepare?.(gateway);
    browser = await launchBrowser();
    made = { folder, metaUrl: volume.metaUrl, gateway, browser };
  });

  afterEach(async () => {
    for (const { context, faults } of visitors.splice(0)) {
      await context.close();
      // A script of the page that fails, or one that was stopped, is a fault wherever it happens.
      expect(faults).toEqual([]);
    }
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  const open: ConsoleSetting['open'] = async (options) => {
    const visitor = await visit(setting().browser, setting().gateway.url, options);
    visitors.push(visitor);
    return visitor.page;
  };
  return {
    get folder() {
      return setting().folder;
    },
    get metaUrl() {
      return setting().metaUrl;
    },
    get gateway() {
      return setting().gateway;
    },
    get browser() {
      return setting().browser;
    },
    open,
    async openAs(keys, place = '') {
      const page = await open();
      await signIn(page, keys);
      await page.getByRole('heading', { name: 'Buckets' }).waitFor();
      if (place !== '') await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
      return page;
    },
  };
}
