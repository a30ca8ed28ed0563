// The access control list of a bucket, as a change: it names users that there are.
import { grantedUsers, isPublicList, parseAccessControlList } from '../identity/access-control-list.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { setBucketDocument } from './bucket-documents.ts';
import type { Command, Rules } from './command.ts';

/** Sets or ('') removes the list of a bucket. */
export function setBucketAcl(rules: Rules, bucket: string, text: string, nowMs: number): Command {
  if (text === '') return setBucketDocument(bucket, 'acl', '', nowMs);
  const list = parseAccessControlList(text);
  if (list === undefined) throw new AdminRefusal('InvalidArgument', 'The access control list cannot be read.');
  const change = setBucketDocument(bucket, 'acl', text, nowMs);
  return {
    ...change,
    decide(records) {
      for (const user of grantedUsers(list)) {
        // '' is the account itself
        if (user !== '' && user !== rules.rootAccessKey && !records.users.has(user)) {
          throw new AdminRefusal('InvalidArgument', 'A grantee of the access control list is not known.');
        }
      }
      return change.decide(records);
    },
  };
}

/** True when the stored list of a bucket grants something to everyone. */
export function isPublicAcl(text: string): boolean {
  const list = text === '' ? undefined : parseAccessControlList(text);
  return list !== undefined && isPublicList(list);
}
