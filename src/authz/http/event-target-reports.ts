// What gateways last said of the targets of their notifications.
import type { EventTargetStatus } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';

/** A gateway that has said nothing for so long is not spoken of any more. */
export const REPORT_LIFETIME_MS = 60_000;
/** Gateways that are kept; and targets of each. */
const MAX_GATEWAYS = 100;
const MAX_TARGETS = 1_000;

export class EventTargetReports {
  readonly #reports = new Map<string, { readonly targets: readonly EventTargetStatus[]; readonly atMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  report(gateway: string, targets: readonly EventTargetStatus[]): void {
    this.#forgetOld();
    if (!this.#reports.has(gateway) && this.#reports.size >= MAX_GATEWAYS) return;
    this.#reports.set(gateway, { targets: targets.slice(0, MAX_TARGETS), atMs: this.#nowMs() });
  }

  /** MinIO's shape: for each type its targets by name. A target that some gateway cannot reach is offline. */
  summary(): Record<string, Record<string, { status: 'online' | 'offline' }>[]>[] {
    this.#forgetOld();
    const byType = new Map<string, Map<string, boolean>>();
    for (const { targets } of this.#reports.values()) {
      for (const { type, name, online } of targets) {
        const named = byType.get(type) ?? new Map<string, boolean>();
        named.set(name, online && (named.get(name) ?? true));
        byType.set(type, named);
      }
    }
    return [...byType].map(([type, named]) => ({
      [type]: [...named].map(([name, online]) => ({ [name]: { status: online ? 'online' : 'offline' } })),
    }));
  }

  #forgetOld(): void {
    const oldest = this.#nowMs() - REPORT_LIFETIME_MS;
    for (const [gateway, { atMs }] of this.#reports) if (atMs < oldest) this.#reports.delete(gateway);
  }
}
