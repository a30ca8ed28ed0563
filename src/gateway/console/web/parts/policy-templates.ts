// Documents to begin with.

export interface Template {
  readonly name: string;
  readonly document: string;
}

function documentOf(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements }, undefined, 2);
}

export const IDENTITY_TEMPLATES: readonly Template[] = [
  {
    name: 'Read one bucket',
    document: documentOf(
      { Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetBucketLocation'], Resource: ['arn:aws:s3:::my-bucket'] },
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::my-bucket/*'] },
    ),
  },
  {
    name: 'A folder of one’s own',
    document: documentOf(
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: ['arn:aws:s3:::my-bucket'],
        Condition: { StringLike: { 's3:prefix': ['home/${aws:username}/*'] } },
      },
      {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        Resource: ['arn:aws:s3:::my-bucket/home/${aws:username}/*'],
      },
    ),
  },
  {
    name: 'From the office alone',
    document: documentOf(
      { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] },
      {
        Effect: 'Deny',
        Action: ['s3:*'],
        Resource: ['arn:aws:s3:::*'],
        Condition: { NotIpAddress: { 'aws:SourceIp': ['192.0.2.0/24'] } },
      },
    ),
  },
];

/** The anonymous presets of a bucket or a prefix in it. MinIO: `mc policy set`. */
export function anonymousPreset(preset: 'download' | 'upload' | 'public', bucket: string, prefix: string): string {
  const name = `arn:aws:s3:::${bucket}`;
  const objects = `${name}/${prefix}*`;
  const everyone = { AWS: ['*'] };
  const reads = preset !== 'upload';
  const writes = preset !== 'download';
  return documentOf(
    {
      Effect: 'Allow',
      Principal: everyone,
      Action: ['s3:GetBucketLocation', ...(writes ? ['s3:ListBucketMultipartUploads'] : [])],
      Resource: [name],
    },
    ...(reads
      ? [
          {
            Effect: 'Allow',
            Principal: everyone,
            Action: ['s3:ListBucket'],
            Resource: [name],
            ...(prefix === '' ? {} : { Condition: { StringEquals: { 's3:prefix': [prefix] } } }),
          },
        ]
      : []),
    {
      Effect: 'Allow',
      Principal: everyone,
      Action: [
        ...(reads ? ['s3:GetObject'] : []),
        ...(writes
          ? ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:ListMultipartUploadParts', 's3:PutObject']
          : []),
      ],
      Resource: [objects],
    },
  );
}
