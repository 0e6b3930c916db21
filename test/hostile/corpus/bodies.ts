/** I1 to I8: bodies that are no JSON, too deep, too large or not what they seem, at every door that takes JSON. */
import { Buffer } from 'node:buffer';
import { type Attack, CANARY, filled } from '../attack.ts';

const doors: readonly Pick<Attack, 'method' | 'path' | 'as'>[] = [
  { method: 'POST', path: '/fhir/Patient' },
  { method: 'PUT', path: '/fhir/Patient/hostile' },
  { method: 'POST', path: '/fhir' },
  { method: 'POST', path: '/api/iot/vitals/', as: 'device' },
  { method: 'POST', path: '/api/iot/vitals/batch/', as: 'device' },
  { method: 'POST', path: '/admin/devices/DEV001/keys' },
];

const patient = (members: string) => `{"resourceType":"Patient","text":"${CANARY}",${members}}`;

/** What, body, code; always 400. */
const small: readonly (readonly [row: string, what: string, body: string | Buffer, code: string])[] = [
  ['I1', 'nothing at all', ' ', 'structure'],
  ['I1', 'a bare word', CANARY, 'structure'],
  ['I1', 'HTML', `<html>${CANARY}</html>`, 'structure'],
  ['I1', 'a string at the top', `"${CANARY}"`, 'structure'],
  ['I1', 'an array at the top', `[${patient('"active":true')}]`, 'structure'],
  ['I1', 'null at the top', 'null', 'structure'],
  ['I1', 'trailing bytes', `${patient('"active":true')} ${CANARY}`, 'structure'],
  ['I1', 'two documents', patient('"active":true').repeat(2), 'structure'],
  ['I1', 'a byte order mark', `\ufeff${patient('"active":true')}`, 'structure'],
  ['I1', 'a cut document', patient('"active":true').slice(0, -9), 'structure'],
  ['I1', 'comments and a trailing comma', patient('"active":true,/* x */'), 'structure'],
  ['I2', 'a cut UTF-8 sequence', Buffer.from(`7b2261223a22c3227d`, 'hex'), 'structure'],
  ['I2', 'a surrogate in UTF-8', Buffer.from('7b2261223a22eda080227d', 'hex'), 'structure'],
  ['I2', 'an overlong slash', Buffer.from('7b2261223a22c0af227d', 'hex'), 'structure'],
  ['I2', 'Latin-1', Buffer.from(patient('"language":"é"'), 'latin1'), 'structure'],
  ['I2', 'UTF-16', Buffer.from(patient('"active":true'), 'utf16le'), 'structure'],
  ['I3', '51 levels', patient(`"a":${'['.repeat(50)}${']'.repeat(50)}`), 'too-costly'],
  ['I3', '3,000 extensions inside each other', `{"a":${'{"extension":['.repeat(3_000)}`, 'too-costly'],
  ['I4', '1,001 members', `{${Array.from({ length: 1_001 }, (_, i) => `"k${i}":1`).join()}}`, 'too-costly'],
  ['I5', 'a member twice', patient('"active":true,"active":false'), 'structure'],
  ['I5', 'a member twice, deep inside', patient('"name":[{"family":"a","family":"b"}]'), 'structure'],
  ['I5', 'a key with an escape', patient('"\\u0069d":"x"'), 'structure'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'].flatMap(
    (name) =>
      [
        ['I6', `the member ${name}`, patient(`"${name}":{"x":"${CANARY}"}`), 'structure'],
        ['I6', `the member ${name}, deep inside`, patient(`"name":[{"${name}":{"x":1}}]`), 'structure'],
      ] as const,
  ),
  ...['1e400', '-1e309', '1e-400', '9'.repeat(41), '-0', '01', '+1', 'NaN', 'Infinity', '.5', '5.', '1e'].map(
    (number) => ['I7', `the number ${number.slice(0, 9)}`, patient(`"a":${number}`), 'value'] as const,
  ),
  ['I8', 'NUL in a string', patient(`"language":"${CANARY}\0"`), 'value'],
  ['I8', 'an escaped NUL', patient('"language":"\\u0000"'), 'value'],
  ['I8', 'an escaped ESC', patient('"language":"\\u001b[31m"'), 'value'],
  ['I8', 'a lone high surrogate', patient('"language":"\\ud800"'), 'value'],
  ['I8', 'a lone low surrogate', patient('"language":"\\udc00x"'), 'value'],
];

/** Beyond some door's size limit, so 413 or 400; the codes go with it. */
const large: readonly (readonly [row: string, what: string, body: () => Buffer])[] = [
  ['I3', '5,000,000 levels', filled('{"a":', '[', 5_000_000, '')],
  ['I3', '25 MB of levels', filled('{"a":', '[', 25_000_000, '')],
  ['I4', '15 MB of empty objects', filled('{"a":[', '{},', 15_000_000, '{}]}')],
  [
    'I4',
    'a million members',
    () => Buffer.from(`{${Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":1`).join()}}`),
  ],
  ['I7', '4 MB of digits', filled('{"a":', '9', 4_000_000, '}')],
  ['I8', 'a 2 MB string', filled('{"a":"', 'x', 2_000_000, '"}')],
  ['I8', 'a 20 MB string', filled('{"a":"', 'x', 20_000_000, '"}')],
];

const charsets = ['utf-16', 'iso-8859-1', 'utf-7', CANARY];

export const bodies: readonly Attack[] = [
  ...small.flatMap(([row, what, body, code]) => doors.map((door) => ({ ...door, row, what, body, status: 400, code }))),
  ...large.flatMap(([row, what, body]) =>
    doors.map((door) => ({
      ...door,
      row,
      what,
      body,
      status: [400, 413],
      code: ['too-costly', 'too-long', 'value'],
      within: 3_000,
    })),
  ),
  ...charsets.flatMap((charset) =>
    doors.map((door) => ({
      ...door,
      row: 'I2',
      what: `the charset ${charset}`,
      headers: { 'content-type': `application/json; charset=${charset}` },
      body: patient('"active":true'),
      status: 415,
      code: 'not-supported',
    })),
  ),
  {
    row: 'I7',
    what: 'an integer over 2^31',
    path: '/fhir/Patient',
    body: patient('"multipleBirthInteger":2147483648').replace(`"text":"${CANARY}",`, ''),
    status: [400, 422],
    code: 'value',
  },
];
