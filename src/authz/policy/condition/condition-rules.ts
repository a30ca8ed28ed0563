// What a dialect says of conditions, as data: which operators there are and how they treat absent, several and malformed values.

/** The rules for conditions of one dialect. */
export interface ConditionRules {
  /** Operators, by name without qualifier and IfExists. */
  readonly operators: ReadonlySet<string>;
  /** The names of operators in any case. */
  readonly operatorsIgnoreCase: boolean;
  /** An operator that is not known: the document is refused, or the statement cannot be evaluated (and refuses). */
  readonly unknownOperator: 'refused' | 'fault';
  /** Operators that may end in IfExists. */
  readonly ifExists: ReadonlySet<string>;
  /** Operators that may follow `ForAllValues:` and `ForAnyValue:`. */
  readonly qualified: ReadonlySet<string>;
  /**
   * What a qualifier of a negated operator speaks of: the whole is negated (ForAllValues: not all values are listed), or each value
   * (ForAllValues: each value is unlisted).
   */
  readonly negatedQualifier: 'whole' | 'each';
  /** Whether a negated operator holds when the key is absent, by kind of operator. */
  readonly negatedWithoutKey: {
    readonly string: boolean;
    readonly number: boolean;
    readonly date: boolean;
    readonly address: boolean;
  };
  /** A negated operator holds when no pair of values is equal, or when any pair is unequal. */
  readonly negatedPairs: 'none' | 'any';
  /** Values of the request that number, date and Bool operators look at. */
  readonly orderedValues: 'first' | 'any';
  /** NotEquals of a number or date that is malformed in the request. */
  readonly notEqualsMalformed: boolean;
  /** Values of the policy that number, date, Bool and Null operators take. */
  readonly orderedPolicyValues: 'one' | 'many';
  /** What is read as a number: whole and of 64 bits, or with a fraction. */
  readonly numbers: 'int64' | 'decimal';
  /** What is read as a time: RFC 3339 only, or also a date alone and seconds since the epoch. */
  readonly dates: 'rfc3339' | 'lenient';
  /** A policy value that is malformed: the document is refused, or the value equals nothing. */
  readonly malformedPolicyValue: 'refused' | 'equalsNothing';
  /** Bool compares the texts as written, or what they mean; and any word but false may mean true. */
  readonly bool: 'text' | 'meaning' | 'anyWordIsTrue';
  /** Null looks at its value, or always asks for absence. */
  readonly nullValue: 'counts' | 'ignored';
  /** Bool, IpAddress and NotIpAddress go with their one key only. */
  readonly boundToKeys: boolean;
  /** Some keys take values out of a list only. */
  readonly closedValues: ReadonlyMap<string, readonly string[]> | undefined;
  /** Letters that differ in case only: by folding (ſ = s), or by lower-casing (İ = i). */
  readonly ignoreCase: 'simpleFold' | 'lower';
  /** A block without a mask: refused, `/32` whatever the family, or the one host. */
  readonly blockWithoutMask: 'refused' | 'slash32' | 'host';
  /** A block of all IPv4 addresses (`/0`) holds everything, or its own address only. */
  readonly blockOfAllIpv4: 'everything' | 'itsAddress';
  /** Addresses are compared as networks of their own, on the shorter of the two masks. */
  readonly networks: boolean;
  /** v4-mapped IPv6 addresses are IPv4 addresses. */
  readonly mappedAddresses: boolean;
  /** A malformed address in the request: a fault that refuses; no block holds it; or the operator does not hold, even negated. */
  readonly malformedAddress: 'fault' | 'noMatch' | 'false';
  /** How the types of values in a document are taken. */
  readonly valueTypes: {
    /** `null` is the text false; else it is refused. */
    readonly nullIsFalse: boolean;
    readonly booleans: boolean;
    readonly fractions: boolean;
    /** An empty list of values is refused. */
    readonly emptyList: boolean;
    /** The same value twice is refused. */
    readonly duplicates: boolean;
    /** String operators take numbers and booleans, as text. */
    readonly stringsFromOthers: boolean;
  };
  /** A value is one whole variable or none: what begins with a dollar sign otherwise is refused. */
  readonly wholeVariables: boolean;
}
