// The ceph dialect: documents of tenants, as the object gateway of Ceph reads them.
import { CEPH_ACTIONS } from './ceph-actions.ts';
import type { Dialect } from './dialect.ts';
import { ARN_OPERATORS, COMMON_OPERATORS } from './operator-names.ts';

const OPERATORS: ReadonlySet<string> = new Set([...COMMON_OPERATORS, ...ARN_OPERATORS]);
const NAMING = { ignoreCase: false, synonyms: undefined } as const;
/** None: a value can be one whole variable, which its operator sees to. */
const VARIABLES = {
  names: [],
  chained: false,
  literal: true,
  absent: 'asWritten',
  defaults: false,
  escapes: false,
  singleValue: false,
  toNextBrace: false,
} as const;
const RESOURCE = {
  form: 'arn',
  bucketAsFolder: false,
  cleansPath: false,
  questionMark: 'codePoint',
  variables: VARIABLES,
  naming: NAMING,
} as const;
const KNOWN_ACTIONS: ReadonlySet<string> = new Set(CEPH_ACTIONS.map((action) => action.toLowerCase()));

export const ceph: Dialect = {
  name: 'ceph',
  json: { trailing: 'refused', comments: true, loneSurrogates: 'kept', maxDepth: 1_000 },
  grammar: {
    kind: 'tenant',
    versions: new Set(['2012-10-17', '2008-10-17']),
    actionNames: CEPH_ACTIONS,
    knownActions: KNOWN_ACTIONS,
  },
  actions: { comparison: 'sections', known: KNOWN_ACTIONS },
  identityResource: RESOURCE,
  bucketResource: RESOURCE,
  conditions: {
    operators: OPERATORS,
    operatorsIgnoreCase: false,
    unknownOperator: 'refused',
    ifExists: OPERATORS,
    qualified: new Set(['StringEquals', 'StringEqualsIgnoreCase', 'StringLike']),
    negatedQualifier: 'whole',
    negatedWithoutKey: { string: false, number: false, date: false, address: false },
    negatedPairs: 'any',
    orderedValues: 'first',
    notEqualsMalformed: false,
    orderedPolicyValues: 'many',
    numbers: 'decimal',
    dates: 'lenient',
    malformedPolicyValue: 'equalsNothing',
    bool: 'anyWordIsTrue',
    nullValue: 'ignored',
    boundToKeys: false,
    closedValues: undefined,
    ignoreCase: 'simpleFold',
    blockWithoutMask: 'host',
    blockOfAllIpv4: 'everything',
    networks: true,
    mappedAddresses: false,
    malformedAddress: 'false',
    valueTypes: {
      nullIsFalse: false,
      booleans: false,
      fractions: true,
      emptyList: false,
      duplicates: false,
      stringsFromOthers: true,
    },
    wholeVariables: true,
  },
  naming: NAMING,
  variables: VARIABLES,
  rootIsAllowed: false,
  identityPoliciesRequired: false,
  bucketGrants: 'asIdentity',
  bucketPolicies: 'everyone',
  anonymousNeedsBucket: false,
  listingIncludesVersions: false,
  namedVersion: 'ignored',
};
