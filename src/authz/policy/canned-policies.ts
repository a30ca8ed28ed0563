// The built-in policies, as documents. They are always there and never stored.

const document = (...statements: readonly { Action: readonly string[]; Resource?: readonly string[] }[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', ...statement })),
  });

const EVERYTHING = ['arn:aws:s3:::*'];

/** JSON text by policy name. */
export const CANNED_POLICIES: ReadonlyMap<string, string> = new Map([
  ['readonly', document({ Action: ['s3:GetBucketLocation', 's3:GetObject'], Resource: EVERYTHING })],
  ['readwrite', document({ Action: ['s3:*'], Resource: EVERYTHING })],
  ['writeonly', document({ Action: ['s3:PutObject'], Resource: EVERYTHING })],
  [
    'diagnostics',
    document({
      Action: [
        'admin:Profiling',
        'admin:ServerTrace',
        'admin:ConsoleLog',
        'admin:ServerInfo',
        'admin:TopLocksInfo',
        'admin:OBDInfo',
        'admin:BandwidthMonitor',
        'admin:Prometheus',
      ],
      Resource: EVERYTHING,
    }),
  ],
  ['consoleAdmin', document({ Action: ['admin:*'] }, { Action: ['s3:*'], Resource: EVERYTHING })],
]);
