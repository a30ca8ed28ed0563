// Only the console's own page may act in a session's name.
import { expect, test } from 'vitest';
import { isFromConsole } from './same-origin.ts';

const HOST = 'gateway.example:9000';
const PAGE = { host: HOST, 'x-portcullis-console': '1', 'sec-fetch-site': 'same-origin', origin: `http://${HOST}` };

test.each([
  ['the page changes something', 'PUT', PAGE, true],
  ['the page behind a proxy with TLS', 'PUT', { ...PAGE, origin: `https://${HOST}` }, true],
  ['a browser that says nothing of sites', 'PUT', { host: HOST, 'x-portcullis-console': '1' }, true],
  ['a picture in the page', 'GET', { host: HOST, 'sec-fetch-site': 'same-origin' }, true],
  ['a form of the page that only reads', 'GET', { host: HOST, origin: `http://${HOST}` }, true],
  ['a sandboxed form', 'GET', { host: HOST, 'sec-fetch-site': 'cross-site', origin: 'null' }, false],
  ['no origin, and nothing of sites', 'GET', { host: HOST, origin: 'null' }, false],
  ['a link that was typed', 'GET', { host: HOST, 'sec-fetch-site': 'none' }, true],
  [
    'a form on another site',
    'POST',
    { host: HOST, 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' },
    false,
  ],
  ['a form without the header', 'POST', { host: HOST, 'sec-fetch-site': 'same-origin' }, false],
  ['a change that was typed', 'DELETE', { ...PAGE, 'sec-fetch-site': 'none' }, false],
  ['a neighbour of the same site', 'GET', { host: HOST, 'sec-fetch-site': 'same-site' }, false],
  ['a sandboxed document', 'PUT', { ...PAGE, origin: 'null' }, false],
  ['another port', 'PUT', { ...PAGE, origin: 'http://gateway.example:9001' }, false],
  ['no host at all', 'PUT', { 'x-portcullis-console': '1', origin: `http://${HOST}` }, false],
] as const)('%s', (_name, method, headers, wanted) => {
  expect(isFromConsole(method, headers)).toBe(wanted);
});
