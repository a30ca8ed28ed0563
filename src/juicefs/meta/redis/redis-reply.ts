// Answers of Redis as the types a command promises; anything else is a fault.
import type { RedisReply } from './redis-connection.ts';

export function asBuffer(reply: RedisReply | undefined): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw unexpected('bytes', reply);
}

/** Nothing where there is nothing. */
export function asOptional(reply: RedisReply | undefined): Buffer | undefined {
  if (reply === null || reply === undefined) return undefined;
  return asBuffer(reply);
}

/** A number, or the text of one; 0 where there is nothing. */
export function asNumber(reply: RedisReply | undefined): number {
  if (typeof reply === 'number') return reply;
  if (reply === null || reply === undefined) return 0;
  const value = Number(asBuffer(reply).toString());
  if (Number.isNaN(value)) throw unexpected('a number', reply);
  return value;
}

export function asArray(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply;
  throw unexpected('a list', reply);
}

/** Fields and values in turn, by the bytes of the field as latin1. */
export function asHash(reply: RedisReply | undefined): Map<string, Buffer> {
  const parts = asArray(reply);
  const hash = new Map<string, Buffer>();
  for (let i = 0; i + 1 < parts.length; i += 2) hash.set(asBuffer(parts[i]).toString('latin1'), asBuffer(parts[i + 1]));
  return hash;
}

function unexpected(what: string, reply: RedisReply | undefined): Error {
  const found = reply === null ? 'nothing' : Array.isArray(reply) ? 'a list' : typeof reply;
  return new Error(`an answer of Redis is ${found}, not ${what}`);
}
