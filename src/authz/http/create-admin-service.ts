// Puts together what the HTTP door works on.
import type { IdentityWriter } from '../administration/identity-writer.ts';
import type { IamDirectory } from '../identity/iam-directory.ts';
import type { RootUser } from '../identity/known-identities.ts';
import { BUILT_IN_POLICIES, type PolicySettings, problemOfNewDocument } from '../identity/policy-program.ts';
import { AdminService, type AdminServiceOptions } from './admin-service.ts';

export interface CreateAdminServiceOptions {
  readonly answer: AdminServiceOptions['answer'];
  readonly directory: IamDirectory;
  readonly settings: PolicySettings;
  readonly root: RootUser;
  /** Undefined when the store cannot be written to. */
  readonly writer: IdentityWriter | undefined;
  /** A directory vouches for users and groups. */
  readonly hasDirectory: boolean;
  readonly nowMs: () => number;
  readonly version: string;
  readonly usage: AdminServiceOptions['usage'];
  readonly targetProblem?: AdminServiceOptions['targetProblem'];
  readonly identityProviders?: AdminServiceOptions['identityProviders'];
  readonly explainRequest?: AdminServiceOptions['explainRequest'];
}

export function createAdminService(options: CreateAdminServiceOptions): AdminService {
  const { answer, directory, settings, root, writer, hasDirectory, nowMs, version, usage, targetProblem } = options;
  return new AdminService({
    answer,
    records: () => directory.current.records,
    writer,
    rules: {
      rootAccessKey: root.accessKey,
      rootSecretKey: root.tokenKey ?? root.secretKey,
      hasDirectory,
      isBuiltInPolicy: (name) => BUILT_IN_POLICIES.has(name),
      policyProblem: (text, kind, bucket) =>
        problemOfNewDocument(text, { kind, name: 'new', ...(bucket === undefined ? {} : { bucket }) }, settings),
    },
    builtInPolicies: BUILT_IN_POLICIES,
    nowMs,
    targetProblem,
    explainRequest: options.explainRequest,
    identityProviders: options.identityProviders,
    version,
    usage,
  });
}
