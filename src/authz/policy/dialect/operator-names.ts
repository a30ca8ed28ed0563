// Lists of operators that several dialects share.

const COMPARISONS = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'];

export const COMMON_OPERATORS: readonly string[] = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'Null',
  'Bool',
  ...['Numeric', 'Date'].flatMap((kind) => COMPARISONS.map((comparison) => kind + comparison)),
];

export const ARN_OPERATORS: readonly string[] = ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'];
