// Actions of the token and key services that policies may name, and the condition keys of the former.

export const STS_ACTIONS: readonly string[] = [
  'AssumeRole',
  'AssumeRoleWithWebIdentity',
  'AssumeRoleWithClientGrants',
  'AssumeRoleWithLDAPIdentity',
  'AssumeRoleWithCertificate',
  'AssumeRoleWithClientCertificate',
  'AssumeRoleLDAPIdentity',
  'AssumeRoleWithCustomToken',
  'AssumeRoleWithSSO',
].map((name) => `sts:${name}`);

export const KMS_ACTIONS: readonly string[] = [
  'Status',
  'Metrics',
  'API',
  'Version',
  'CreateKey',
  'DeleteKey',
  'ListKeys',
  'ImportKey',
  'KeyStatus',
  'DescribePolicy',
  'AuditLog',
].map((name) => `kms:${name}`);

export const STS_KEYS: ReadonlySet<string> = new Set([
  'aws:SecureTransport',
  'aws:principaltype',
  'aws:userid',
  'aws:username',
  'aws:groups',
  'ldap:user',
  'ldap:username',
  'ldap:groups',
  'sts:DurationSeconds',
]);
