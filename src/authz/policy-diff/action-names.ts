// Names of actions to try: a pattern in a policy is of interest by the names that it takes in. Not a list of what a dialect knows.

const S3 = `AbortMultipartUpload BypassGovernanceRetention CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite DeleteObject
DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionTagging DeleteReplicationConfiguration ForceDeleteBucket
GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging GetBucketNotification
GetBucketObjectLockConfiguration GetBucketPolicy GetBucketPolicyStatus GetBucketRequestPayment GetBucketTagging GetBucketVersioning
GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold
GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionForReplication
GetObjectVersionTagging GetObjectVersionTorrent GetReplicationConfiguration HeadBucket ListAllMyBuckets ListBucket
ListBucketMultipartUploads ListBucketVersions ListMultipartUploadParts ListenBucketNotification ListenNotification
PutAccelerateConfiguration PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration
PutBucketPolicy PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
PutLifecycleConfiguration PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
PutObjectVersionTagging PutReplicationConfiguration ReplicateDelete ReplicateObject ReplicateTags RestoreObject`;
const ADMIN = `AddUserToGroup AttachUserOrGroupPolicy BandwidthMonitor ConfigUpdate ConsoleLog CreatePolicy CreateServiceAccount CreateUser
DataUsageInfo DeletePolicy DeleteUser DisableGroup DisableUser EnableGroup EnableUser GetBucketQuota GetBucketTarget GetGroup GetPolicy
GetUser Heal KMSCreateKey KMSKeyStatus ListGroups ListServiceAccounts ListUserPolicies ListUsers OBDInfo Profiling Prometheus
RemoveServiceAccount RemoveUserFromGroup ServerInfo ServerTrace ServerUpdate ServiceRestart ServiceStop SetBucketQuota SetBucketTarget
StorageInfo TopLocksInfo UpdateServiceAccount`;
const KMS = 'API CreateKey KeyStatus ListKeys Metrics Status Version';
const STS =
  'AssumeRole AssumeRoleWithCertificate AssumeRoleWithClientGrants AssumeRoleWithLDAPIdentity AssumeRoleWithWebIdentity';
const IAM = 'CreateRole CreateUser DeleteUser GetUser ListUsers PassRole';

const named = (service: string, names: string): string[] => names.split(/\s+/).map((name) => `${service}:${name}`);

export const ACTION_NAMES: readonly string[] = [
  ...named('s3', S3),
  ...named('admin', ADMIN),
  ...named('kms', KMS),
  ...named('sts', STS),
  ...named('iam', IAM),
];

/** Actions with rules of their own beyond the names that match. */
export const SPECIAL_ACTIONS: readonly string[] = [
  's3:GetObject',
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:DeleteObject',
];

/** Of all names that entries of policies tell apart in the same way, one; and every name that they spell out. */
export function representativeActions(entries: readonly string[]): string[] {
  const distinct = [...new Set(entries)];
  const patterns = distinct.filter((entry) => /[*?]/.test(entry)).map((entry) => ({ entry, test: matcher(entry) }));
  const literal = distinct.filter((entry) => !/[*?]/.test(entry));
  const chosen = new Map<string, string>();
  for (const name of [...ACTION_NAMES]) {
    const signature = patterns.map(({ test }) => (test(name) ? '1' : '0')).join('');
    if (!chosen.has(signature)) chosen.set(signature, name);
  }
  return [...new Set([...literal, ...SPECIAL_ACTIONS, ...chosen.values()])];
}

/** Matches by `*` and `?` without regard to case; a stretch is compared only once. */
function matcher(pattern: string): (text: string) => boolean {
  const wanted = pattern.toLowerCase();
  return (name) => {
    const text = name.toLowerCase();
    let p = 0;
    let t = 0;
    let star = -1;
    let mark = 0;
    while (t < text.length) {
      if (wanted[p] === '*') {
        star = p++;
        mark = t;
      } else if (p < wanted.length && (wanted[p] === '?' || wanted[p] === text[t])) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++mark;
      } else return false;
    }
    while (wanted[p] === '*') p++;
    return p === wanted.length;
  };
}
