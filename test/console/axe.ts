// axe-core in a page that allows no inline script: it is evaluated by the driver, not loaded by the page.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SEVERE: ReadonlySet<string> = new Set(['serious', 'critical']);

export interface Finding {
  readonly rule: string;
  readonly places: readonly string[];
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

export class AxeBuilder {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async serious(): Promise<Finding[]> {
    await this.#page.evaluate(SOURCE);
    const result = (await this.#page.evaluate('axe.run(document)')) as AxeResult;
    return result.violations
      .filter(({ impact }) => SEVERE.has(impact ?? ''))
      .map(({ id, nodes }) => ({ rule: id, places: nodes.map(({ html }) => html.slice(0, 160)) }));
  }
}
