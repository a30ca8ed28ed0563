// What the sidecar measures of itself: decisions, what it knows, and what becomes of the lines of its audit log.
import { Counter, Gauge, Registry } from 'prom-client';
import type { AuditSink } from '../audit/audit-log.ts';
import type { BufferedSink, SinkCounts } from '../audit/buffered-sink.ts';
import type { IamDirectory } from '../identity/iam-directory.ts';

const TABLES = ['users', 'serviceAccounts', 'sessions', 'groups', 'policies', 'buckets'] as const;

export class SidecarMetrics {
  readonly registry = new Registry();
  readonly #decisions = { allowed: 0, refused: 0 };

  constructor(directory: Pick<IamDirectory, 'current' | 'loads'>, sinks: readonly BufferedSink[]) {
    const registers = [this.registry];
    const decisions = this.#decisions;
    new Counter({
      name: 'portcullis_decisions_total',
      help: 'Decisions made; refused="true" when something of them was not allowed',
      labelNames: ['refused'],
      registers,
      collect() {
        this.reset();
        this.inc({ refused: 'false' }, decisions.allowed);
        this.inc({ refused: 'true' }, decisions.refused);
      },
    });
    new Gauge({
      name: 'portcullis_identities',
      help: 'Records that decisions are made by',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const table of TABLES) this.set({ kind: table }, directory.current.records[table].size);
      },
    });
    new Gauge({
      name: 'portcullis_identity_problems',
      help: 'Records that cannot be used, so that whoever depends on them is refused',
      registers,
      collect() {
        this.set(directory.current.problems.length);
      },
    });
    const loads = (name: string, help: string, read: () => number): void => {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    };
    loads('portcullis_identity_loads_total', 'Times that the store was read', () => directory.loads.done);
    loads(
      'portcullis_identity_load_failures_total',
      'Times that the store could not be read; what was known stands',
      () => directory.loads.failed,
    );
    const ofSinks = (name: string, help: string, read: (counts: SinkCounts) => number): void => {
      new Counter({
        name,
        help,
        labelNames: ['place'],
        registers,
        collect() {
          this.reset();
          for (const { place, counts } of sinks) this.inc({ place }, read(counts));
        },
      });
    };
    ofSinks('portcullis_audit_written_total', 'Audit lines that are kept', ({ written }) => written);
    ofSinks('portcullis_audit_failed_total', 'Attempts to keep audit lines that failed', ({ failures }) => failures);
    ofSinks('portcullis_audit_retried_total', 'Audit lines that were written again after a failure', (c) => c.retried);
    ofSinks('portcullis_audit_dropped_total', 'Audit lines that were lost', ({ dropped }) => dropped);
    new Gauge({
      name: 'portcullis_audit_waiting',
      help: 'Audit lines that wait to be kept',
      labelNames: ['place'],
      registers,
      collect() {
        for (const { place, counts } of sinks) this.set({ place }, counts.waiting);
      },
    });
  }

  /** A sink that counts what it hands on. */
  counting(sink: AuditSink): AuditSink {
    const decisions = this.#decisions;
    const count = (isRefusal: boolean): void => {
      if (isRefusal) decisions.refused += 1;
      else decisions.allowed += 1;
    };
    return {
      write: (decision) => {
        count(decision.isRefusal);
        sink.write(decision);
      },
      keep: (decision) => {
        count(decision.isRefusal);
        return sink.keep(decision);
      },
      close: () => sink.close(),
    };
  }
}
