// The aws dialect: identity policies, boundaries, session and bucket policies between accounts.

import type { Dialect } from './dialect.ts';
import { ARN_OPERATORS, COMMON_OPERATORS } from './operator-names.ts';

const OPERATORS: ReadonlySet<string> = new Set([...COMMON_OPERATORS, ...ARN_OPERATORS]);
const NAMING = { ignoreCase: true, synonyms: undefined } as const;
const VARIABLES = {
  names: 'any',
  chained: false,
  literal: true,
  absent: 'matchesNothing',
  defaults: true,
  escapes: true,
  singleValue: true,
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

export const aws: Dialect = {
  name: 'aws',
  json: { trailing: 'refused', comments: false, loneSurrogates: 'kept', maxDepth: 1_000 },
  grammar: { kind: 'account', versions: new Set(['2012-10-17', '2008-10-17']) },
  actions: { comparison: 'anyCase', known: undefined },
  identityResource: RESOURCE,
  bucketResource: RESOURCE,
  conditions: {
    operators: OPERATORS,
    operatorsIgnoreCase: true,
    unknownOperator: 'fault',
    ifExists: OPERATORS,
    qualified: OPERATORS,
    negatedQualifier: 'each',
    negatedWithoutKey: { string: true, number: true, date: true, address: true },
    negatedPairs: 'none',
    orderedValues: 'any',
    notEqualsMalformed: false,
    orderedPolicyValues: 'many',
    numbers: 'decimal',
    dates: 'lenient',
    malformedPolicyValue: 'equalsNothing',
    bool: 'meaning',
    nullValue: 'counts',
    boundToKeys: false,
    closedValues: undefined,
    ignoreCase: 'simpleFold',
    blockWithoutMask: 'host',
    blockOfAllIpv4: 'itsAddress',
    networks: false,
    mappedAddresses: false,
    malformedAddress: 'noMatch',
    valueTypes: {
      nullIsFalse: false,
      booleans: true,
      fractions: true,
      emptyList: false,
      duplicates: false,
      stringsFromOthers: true,
    },
    wholeVariables: false,
  },
  naming: NAMING,
  variables: VARIABLES,
  rootIsAllowed: false,
  identityPoliciesRequired: false,
  bucketGrants: 'betweenAccounts',
  bucketPolicies: 'everyone',
  anonymousNeedsBucket: false,
  listingIncludesVersions: false,
  namedVersion: 'ignored',
};
