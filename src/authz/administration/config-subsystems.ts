// The sub-systems of the server configuration, as data: their keys, what these are unless set, and what they mean. Names, defaults and
// order are those of the configuration file that `juicefs gateway` keeps in the volume, so that either gateway reads the other's.
// Only `region` and the four `notify_` sub-systems act here; the others are kept for the other gateways of a volume.

export interface ConfigKey {
  readonly key: string;
  readonly type: string;
  readonly description: string;
  readonly optional: boolean;
}

export interface SubSystem {
  readonly name: string;
  readonly description: string;
  /** Takes several targets, by name. */
  readonly multipleTargets: boolean;
  /** Whether it acts only after a restart. */
  readonly dynamic: boolean;
  /** Keys and their defaults, in the order of the file. */
  readonly defaults: readonly (readonly [key: string, value: string])[];
  /** What people are told of its keys, in this order. */
  readonly keys: readonly ConfigKey[];
}

const COMMENT: ConfigKey = {
  key: 'comment',
  type: 'sentence',
  description: 'optionally add a comment to this setting',
  optional: true,
};

function key(name: string, type: string, description: string, required?: 'required'): ConfigKey {
  return { key: name, type, description, optional: required === undefined };
}

const FORMAT = key(
  'format',
  'namespace*|access',
  "'namespace' reflects current bucket/object list and 'access' reflects a journal of object operations, defaults to 'namespace'",
  'required',
);
const TABLE = key('table', 'string', 'DB table name to store/update events, table is auto-created', 'required');
const QUEUE_DIR = key('queue_dir', 'path', "staging dir for undelivered messages e.g. '/home/events'");
const QUEUE_LIMIT = key('queue_limit', 'number', "maximum limit for undelivered messages, defaults to '100000'");
const MAX_CONNECTIONS = key(
  'max_open_connections',
  'number',
  'To set the maximum number of open connections to the database. The value is set to `2` by default.',
);

function defaults(text: string): [string, string][] {
  return text.split(' ').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}

/** A sub-system that has no effect in this service. */
function kept(
  name: string,
  description: string,
  defaultText: string,
  { dynamic = false, multipleTargets = false } = {},
): SubSystem {
  const values = defaultText === '' ? [] : defaults(defaultText);
  return {
    name,
    description,
    multipleTargets,
    dynamic,
    defaults: values,
    keys: [
      ...values
        .filter(([name]) => name !== 'enable')
        .map(([name]) => key(name, 'string', 'kept for other gateways of the volume, without effect in this one')),
      COMMENT,
    ],
  };
}

/** In the order in which people are shown them. */
export const SUBSYSTEMS: readonly SubSystem[] = [
  {
    name: 'region',
    description: 'label the location of the server',
    multipleTargets: false,
    dynamic: false,
    defaults: defaults('name='),
    keys: [key('name', 'string', 'name of the location of the server e.g. "us-west-rack2"'), COMMENT],
  },
  kept(
    'cache',
    'add caching storage tier',
    'drives= exclude= expiry=90 quota=80 after=0 watermark_low=70 watermark_high=80 range=on commit=writethrough',
  ),
  kept(
    'compression',
    'enable server side compression of objects',
    'enable=off allow_encryption=off extensions=.txt,.log,.csv,.json,.tar,.xml,.bin mime_types=text/*,application/json,application/xml,binary/octet-stream',
    { dynamic: true },
  ),
  kept('etcd', 'federate multiple clusters for IAM and Bucket DNS', ''),
  kept(
    'identity_openid',
    'enable OpenID SSO support',
    'config_url= client_id= claim_name=policy claim_prefix= scopes= jwks_url=',
  ),
  kept(
    'identity_ldap',
    'enable LDAP SSO support',
    'server_addr= username_format= user_dn_search_base_dn= user_dn_search_filter= group_search_filter= group_search_base_dn= sts_expiry=1h tls_skip_verify=off server_insecure=off server_starttls=off lookup_bind_dn= lookup_bind_password=',
  ),
  kept('policy_opa', '[DEPRECATED] enable external OPA for policy enforcement', 'url= auth_token='),
  kept('kms_vault', 'enable external HashiCorp Vault key management service', ''),
  kept('kms_kes', 'enable external MinIO key encryption service', ''),
  kept(
    'api',
    'manage global HTTP API call specific features, such as throttling, authentication types, etc.',
    'requests_max=0 requests_deadline=10s cluster_deadline=10s cors_allow_origin=* remote_transport_deadline=2h list_quorum=strict extend_list_cache_life=0s replication_workers=500',
    { dynamic: true },
  ),
  kept(
    'heal',
    'manage object healing frequency and bitrot verification checks',
    'bitrotscan=off max_sleep=1s max_io=10',
    { dynamic: true },
  ),
  kept(
    'scanner',
    'manage namespace scanning for usage calculation, lifecycle, healing and more',
    'delay=10 max_wait=15s cycle=1m',
    { dynamic: true },
  ),
  kept('logger_webhook', 'send server logs to webhook endpoints', 'enable=off endpoint= auth_token=', {
    multipleTargets: true,
  }),
  kept(
    'audit_webhook',
    'send audit logs to webhook endpoints',
    'enable=off endpoint= auth_token= client_cert= client_key=',
    { multipleTargets: true },
  ),
  {
    name: 'notify_webhook',
    description: 'publish bucket notifications to webhook endpoints',
    multipleTargets: true,
    dynamic: false,
    defaults: defaults('enable=off endpoint= auth_token= queue_limit=0 queue_dir= client_cert= client_key='),
    keys: [
      key('endpoint', 'url', 'webhook server endpoint e.g. http://localhost:8080/minio/events', 'required'),
      key('auth_token', 'string', 'opaque string or JWT authorization token'),
      QUEUE_DIR,
      QUEUE_LIMIT,
      COMMENT,
      key('client_cert', 'string', 'client cert for Webhook mTLS auth'),
      key('client_key', 'string', 'client cert key for Webhook mTLS auth'),
    ],
  },
  {
    name: 'notify_mysql',
    description: 'publish bucket notifications to MySQL databases',
    multipleTargets: true,
    dynamic: false,
    defaults: defaults(
      'enable=off format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2',
    ),
    keys: [
      key(
        'dsn_string',
        'string',
        'MySQL data-source-name connection string e.g. "<user>:<password>@tcp(<host>:<port>)/<database>"',
        'required',
      ),
      TABLE,
      FORMAT,
      QUEUE_DIR,
      QUEUE_LIMIT,
      COMMENT,
      MAX_CONNECTIONS,
    ],
  },
  {
    name: 'notify_postgres',
    description: 'publish bucket notifications to Postgres databases',
    multipleTargets: true,
    dynamic: false,
    defaults: defaults(
      'enable=off format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2',
    ),
    keys: [
      key(
        'connection_string',
        'string',
        'Postgres server connection-string e.g. "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable"',
        'required',
      ),
      TABLE,
      FORMAT,
      QUEUE_DIR,
      QUEUE_LIMIT,
      COMMENT,
      MAX_CONNECTIONS,
    ],
  },
  {
    name: 'notify_redis',
    description: 'publish bucket notifications to Redis datastores',
    multipleTargets: true,
    dynamic: false,
    defaults: defaults('enable=off format=namespace address= key= password= queue_dir= queue_limit=0'),
    keys: [
      key('address', 'address', "Redis server's address. For example: `localhost:6379`", 'required'),
      key('key', 'string', 'Redis key to store/update events, key is auto-created', 'required'),
      FORMAT,
      key('password', 'string', 'Redis server password'),
      QUEUE_DIR,
      QUEUE_LIMIT,
      COMMENT,
    ],
  },
];

const BY_NAME: ReadonlyMap<string, SubSystem> = new Map(SUBSYSTEMS.map((each) => [each.name, each]));

export function subSystem(name: string): SubSystem | undefined {
  return BY_NAME.get(name);
}
