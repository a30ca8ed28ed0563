// The public access block of a bucket, as far as policies go. AWS: "Blocking public access to your Amazon S3 storage".
// What it says of access control lists is theirs to read.

const SETTINGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
export type PublicAccessSetting = (typeof SETTINGS)[number];

/** @param document the stored PublicAccessBlockConfiguration; '' = none */
export function blocksPublicAccess(document: string, setting: PublicAccessSetting): boolean {
  return new RegExp(`<(?:\\w+:)?${setting}>\\s*true\\s*<`, 'i').test(document);
}
