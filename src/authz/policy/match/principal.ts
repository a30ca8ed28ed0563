// Principal entries of a bucket policy against the requester.
import type { Dialect } from '../dialect/dialect.ts';
import type { RequestPrincipal } from '../request.ts';
import { matchesWildcard } from './wildcard.ts';

const USER_ARN = /^arn:aws:iam::([^:]*):user\/(.+)$/;

/** True when an entry names the requester: a pattern over the access key, or a user's ARN where the dialect has them. */
export function matchesPrincipal(entries: readonly string[], principal: RequestPrincipal, dialect: Dialect): boolean {
  return entries.some((entry) => {
    if (matchesWildcard(entry, principal.user, dialect.questionMark)) return true;
    if (!dialect.principalArns || principal.user === '') return false;
    const arn = USER_ARN.exec(entry);
    if (arn === null) return false;
    const [, account = '', name] = arn;
    return name === principal.user && (account === '' || account === '*' || account === principal.account);
  });
}
