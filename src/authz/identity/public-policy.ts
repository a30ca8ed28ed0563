// Whether a bucket policy lets everyone in, as GetBucketPolicyStatus tells it.
// AWS: "Blocking public access", the meaning of "public": a principal of everyone, unless a condition ties the statement to fixed
// networks, accounts or people.

/** Keys that tie a statement down when they are compared with values without wildcards. */
const FIXING_KEYS: ReadonlySet<string> = new Set([
  'aws:principalorgid',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:sourceaccount',
  'aws:sourcearn',
  'aws:sourceip',
  'aws:sourceowner',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:userid',
  'aws:username',
]);
const FIXING_OPERATORS = /^(?:ForAnyValue:|ForAllValues:)?(?:String|Arn)(?:Equals|Like)(?:IgnoreCase)?$|^IpAddress$/i;
/** Networks so wide that they are everyone. */
const EVERYWHERE = /^(?:0\.0\.0\.0|::)?\/0$/;

/** @param text a stored policy; '' is none */
export function isPublicPolicy(text: string): boolean {
  if (text === '') return false;
  const statements = (JSON.parse(text) as { Statement?: unknown }).Statement;
  return asArray(statements).some((statement) => isObject(statement) && letsEveryoneIn(statement));
}

function letsEveryoneIn(statement: Readonly<Record<string, unknown>>): boolean {
  if (statement.Effect !== 'Allow') return false;
  // Everyone but somebody is everyone.
  const isEveryone = statement.NotPrincipal !== undefined || namesEveryone(statement.Principal);
  return isEveryone && !isTiedDown(statement.Condition);
}

function namesEveryone(principal: unknown): boolean {
  if (isObject(principal)) return Object.values(principal).some(namesEveryone);
  return asArray(principal).includes('*');
}

function isTiedDown(condition: unknown): boolean {
  if (!isObject(condition)) return false;
  return Object.entries(condition).some(
    ([operator, keys]) =>
      FIXING_OPERATORS.test(operator) &&
      isObject(keys) &&
      Object.entries(keys).some(
        ([key, values]) => FIXING_KEYS.has(key.toLowerCase()) && asArray(values).every((value) => isFixed(value)),
      ),
  );
}

function isFixed(value: unknown): boolean {
  return typeof value === 'string' && !/[*?]|\$\{/.test(value) && !EVERYWHERE.test(value);
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
