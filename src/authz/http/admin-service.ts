// What the doors of the sidecar work on: decisions, records, and changes of them.

import { AdminRefusal } from '../administration/admin-refusal.ts';
import type { Command, Rules } from '../administration/command.ts';
import type { IdentityWriter } from '../administration/identity-writer.ts';
import type { ConfigTarget } from '../administration/server-config.ts';
import type { Answer, Ask } from '../identity/authorizer.ts';
import type { ProviderDescription } from '../identity/provider/provider-description.ts';
import type { IamRecords, StoreUsage } from '../store/iam-store.ts';
import { EventTargetReports } from './event-target-reports.ts';

export interface AdminServiceOptions {
  /** Authenticates and decides, and leaves a line in the audit log. */
  readonly answer: (ask: Ask) => Answer | Promise<Answer>;
  /** The records that decisions are made by. */
  readonly records: () => IamRecords;
  /** Undefined when the store cannot be written to. */
  readonly writer: IdentityWriter | undefined;
  readonly rules: Rules;
  /** The texts of the built-in policies, by name. */
  readonly builtInPolicies: ReadonlyMap<string, string>;
  readonly nowMs: () => number;
  /** The decisions of a request that are still remembered, as data. */
  readonly explainRequest?: ((requestId: string) => readonly unknown[]) | undefined;
  /** Why a target of the configuration cannot be used: whoever puts the service together knows how to connect to one. */
  readonly targetProblem?: TargetCheck | undefined;
  /** The systems that vouch for people. */
  readonly identityProviders?: readonly ProviderDescription[] | undefined;
  /** Of this program. */
  readonly version: string;
  /** What the volume behind the store holds; undefined when there is none. */
  readonly usage: () => Promise<StoreUsage | undefined>;
}

/** Undefined when the target can be used, or is of a kind that is not connected to. */
export type TargetCheck = (target: ConfigTarget) => Promise<string | undefined>;

export class AdminService {
  readonly answer: AdminServiceOptions['answer'];
  readonly rules: Rules;
  readonly builtInPolicies: ReadonlyMap<string, string>;
  readonly nowMs: () => number;
  readonly version: string;
  readonly identityProviders: readonly ProviderDescription[];
  readonly startedMs: number;
  /** What gateways say of the targets of notifications. */
  readonly eventTargets: EventTargetReports;
  readonly #options: AdminServiceOptions;

  constructor(options: AdminServiceOptions) {
    this.#options = options;
    this.answer = options.answer;
    this.rules = options.rules;
    this.builtInPolicies = options.builtInPolicies;
    this.nowMs = options.nowMs;
    this.version = options.version;
    this.identityProviders = options.identityProviders ?? [];
    this.startedMs = options.nowMs();
    this.eventTargets = new EventTargetReports(options.nowMs);
  }

  usage(): Promise<StoreUsage | undefined> {
    return this.#options.usage();
  }

  /** Empty for a request that is not remembered. */
  explainRequest(requestId: string): readonly unknown[] {
    return this.#options.explainRequest?.(requestId) ?? [];
  }

  get records(): IamRecords {
    return this.#options.records();
  }

  /** Why a target cannot be used. */
  async targetProblem(target: ConfigTarget): Promise<string | undefined> {
    return this.#options.targetProblem?.(target);
  }

  /** Whether changes can be made at all. */
  get isWritable(): boolean {
    return this.#options.writer !== undefined;
  }

  /** Makes a change. Once it resolves, decisions of this process follow it. Throws AdminRefusal. */
  async run(command: Command): Promise<void> {
    if (this.#options.writer === undefined) throw new AdminRefusal('NoIdentityStore');
    await this.#options.writer.change(command.touched, (records) => command.decide(records));
  }
}
