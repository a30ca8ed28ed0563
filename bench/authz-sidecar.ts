// The sidecar of the benchmark: `serveAuthz` in a process of its own, with a user whose policies are like people's. Callers are trusted to name
// principals, as a service that has authenticated them itself does.
import { pino } from 'pino';
import { MemoryIamStore } from '../src/authz/store/memory-store.ts';
import { serveAuthz } from '../src/cli/authz.ts';

const [listen = '', accessKey = '', secretKey = ''] = process.argv.slice(2);

const statements = [
  { Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetBucketLocation'], Resource: ['arn:aws:s3:::bucket'] },
  { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: ['arn:aws:s3:::bucket/folder/*'] },
  { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::home/${aws:username}/*'] },
  {
    Effect: 'Deny',
    Action: ['s3:DeleteObject'],
    Resource: ['arn:aws:s3:::bucket/*'],
    Condition: { NotIpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '127.0.0.0/8'] } },
  },
];
const user = { secretKey, enabled: true, expiresAtMs: undefined, sessionToken: '', parent: '' };
const running = await serveAuthz({
  listen,
  store: new MemoryIamStore({
    users: new Map([['alice', user]]),
    policies: new Map([['readers', JSON.stringify({ Version: '2012-10-17', Statement: statements })]]),
    userPolicies: new Map([['alice', ['readers']]]),
  }),
  root: { accessKey, secretKey },
  trustCallers: true,
  logger: pino({ level: 'error' }),
});
process.stdout.write('{"event":"ready"}\n');
process.stdin.resume().on('end', () => void running.stop());
