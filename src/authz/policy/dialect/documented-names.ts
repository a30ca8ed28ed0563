// Names that MinIO's pages on policies give to condition keys and actions which documents call otherwise. Data.

/** Condition keys: the name of the pages → the name in documents. */
export const DOCUMENTED_KEYS: ReadonlyMap<string, string> = new Map([
  ['aws:PrincipalType', 'aws:principaltype'],
  ['aws:referrer', 'aws:Referer'],
  ['x-amz-content-sha256', 's3:x-amz-content-sha256'],
  ['s3:x-amz-object-lock-legal-hold', 's3:object-lock-legal-hold'],
  ['s3:x-amz-object-lock-mode', 's3:object-lock-mode'],
  ['s3:x-amz-object-lock-remaining-retention-days', 's3:object-lock-remaining-retention-days'],
  ['s3:x-amz-object-lock-retain-until-date', 's3:object-lock-retain-until-date'],
]);

/** Those of them that are variables. */
export const DOCUMENTED_VARIABLES: readonly string[] = ['aws:PrincipalType', 'aws:referrer'];

/** Administration actions. */
export const DOCUMENTED_ADMIN_ACTIONS: readonly string[] = ['admin:DescribeBatchJobs'];
