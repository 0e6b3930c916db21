/** The 20 primitive types: which JSON kind each has and which values it takes, told in one pass over the text. https://hl7.org/fhir/R4/datatypes.html#primitive */

export interface Primitive {
  readonly json: 'string' | 'number' | 'boolean';
  /** Whether a value of that JSON kind is in the type's value domain. Linear in its length. */
  accepts(value: any): boolean;
  /** What a value has to be, to follow "must be". */
  readonly words: string;
}

const longestString = 1024 * 1024;
const zero = 0x30;
const nine = 0x39;

const isDigit = (code: number): boolean => code >= zero && code <= nine;

/** The number that the digits in [from, to) make; -1 when one of them is none. */
function digits(text: string, from: number, to: number): number {
  if (to > text.length) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    value = value * 10 + code - zero;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Where the date that begins the text ends: 4, 7 or 10; -1 when there is none. */
function dateEnd(text: string): number {
  const year = digits(text, 0, 4);
  if (year < 1) return -1;
  if (text[4] !== '-') return 4;
  const month = digits(text, 5, 7);
  if (month < 1 || month > 12) return -1;
  if (text[7] !== '-') return 7;
  const day = digits(text, 8, 10);
  return day < 1 || day > daysIn(year, month) ? -1 : 10;
}

/** Where a time of day with seconds ends; -1 when there is none. */
function timeEnd(text: string, from: number): number {
  const hour = digits(text, from, from + 2);
  const minute = digits(text, from + 3, from + 5);
  const second = digits(text, from + 6, from + 8);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  if (text[from + 2] !== ':' || text[from + 5] !== ':') return -1;
  let at = from + 8;
  if (text[at] !== '.') return at;
  const first = ++at;
  while (isDigit(text.charCodeAt(at))) at++;
  return at === first ? -1 : at;
}

function isZone(text: string, from: number): boolean {
  if (text[from] === 'Z') return text.length === from + 1;
  if (text.length !== from + 6 || (text[from] !== '+' && text[from] !== '-') || text[from + 3] !== ':') return false;
  const hour = digits(text, from + 1, from + 3);
  const minute = digits(text, from + 4, from + 6);
  return minute >= 0 && minute <= 59 && ((hour >= 0 && hour <= 13) || (hour === 14 && minute === 0));
}

const isDate = (text: string): boolean => dateEnd(text) === text.length;

function isInstant(text: string): boolean {
  if (dateEnd(text) !== 10 || text[10] !== 'T') return false;
  const end = timeEnd(text, 11);
  return end > 0 && isZone(text, end);
}

const isTime = (text: string): boolean => timeEnd(text, 0) === text.length;

function isString(text: string): boolean {
  if (text.length > longestString) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return false;
  }
  return true;
}

/** White space as in XML and beyond, and control characters. */
const isSpace = (code: number): boolean =>
  code <= 0x20 ||
  (code >= 0x7f && code <= 0xa0) ||
  (code >= 0x2000 && code <= 0x200a) ||
  code === 0x2028 ||
  code === 0x2029 ||
  code === 0x3000 ||
  code === 0xfeff;

function isUri(text: string): boolean {
  if (text.length > longestString) return false;
  for (let i = 0; i < text.length; i++) if (isSpace(text.charCodeAt(i))) return false;
  return true;
}

function isCode(text: string): boolean {
  if (text.length > longestString) return false;
  let afterSpace = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== 0x20 && isSpace(code)) return false;
    if (code === 0x20 && afterSpace) return false;
    afterSpace = code === 0x20;
  }
  return !afterSpace;
}

const isLetter = (code: number): boolean => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

function isId(text: string): boolean {
  if (text.length > 64) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isLetter(code) && !isDigit(code) && code !== 0x2d && code !== 0x2e) return false;
  }
  return true;
}

function isOid(text: string): boolean {
  if (!text.startsWith('urn:oid:') || text.length > longestString) return false;
  const arc = text.charCodeAt(8);
  if (!(arc >= zero && arc <= zero + 2) || text.length < 11) return false;
  for (let i = 9; i < text.length; ) {
    if (text[i] !== '.') return false;
    const first = ++i;
    while (isDigit(text.charCodeAt(i))) i++;
    if (i === first || (text.charCodeAt(first) === zero && i > first + 1)) return false;
  }
  return true;
}

/** Lower or upper case: RFC 4122 reads both. */
function isUuid(text: string): boolean {
  if (text.length !== 45 || !text.startsWith('urn:uuid:')) return false;
  for (let i = 9; i < 45; i++) {
    const code = text.charCodeAt(i) | 0x20;
    const dash = i === 17 || i === 22 || i === 27 || i === 32;
    if (dash ? text[i] !== '-' : !isDigit(text.charCodeAt(i)) && !(code >= 0x61 && code <= 0x66)) return false;
  }
  return true;
}

/** White space may stand between the characters; the groups of four must be whole. */
export function isBase64(text: string): boolean {
  // No regular expression: over some 10 MB it can run out of stack.
  // A report of 20 MB, as nearly everybody writes it, in a fraction of the time that a look at each character takes.
  if (text.length > 10_000 && Buffer.from(text, 'base64').toString('base64') === text) return true;
  let count = 0;
  let padding = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) continue;
    if (code === 0x3d) padding++;
    else if (padding > 0 || (!isLetter(code) && !isDigit(code) && code !== 0x2b && code !== 0x2f)) return false;
    count++;
  }
  return count > 0 && count % 4 === 0 && padding <= 2;
}

const isInteger = (least: number) => (value: number) =>
  Number.isInteger(value) && value >= least && value <= 2147483647;

const text = (accepts: (value: string) => boolean, words: string): Primitive => ({ json: 'string', accepts, words });
const number = (accepts: (value: number) => boolean, words: string): Primitive => ({ json: 'number', accepts, words });

const uri = text(isUri, 'a URI without white space');

/** The types whose number must be written without fraction and exponent. */
export const integerTypes: ReadonlySet<string> = new Set(['integer', 'positiveInt', 'unsignedInt']);

/** By name of the type. `xhtml` is told by ./xhtml.ts. */
export const primitives: ReadonlyMap<string, Primitive> = new Map<string, Primitive>([
  ['base64Binary', text(isBase64, 'base64 in whole groups of four')],
  ['boolean', { json: 'boolean', accepts: () => true, words: 'true or false' }],
  ['canonical', text(isUri, 'a canonical URL without white space')],
  ['code', text(isCode, 'a code: no white space but single spaces inside')],
  ['date', text(isDate, 'a date that exists: YYYY, YYYY-MM or YYYY-MM-DD')],
  [
    'dateTime',
    text((value) => isDate(value) || isInstant(value), 'a date that exists, or date and time with seconds and zone'),
  ],
  ['decimal', number(Number.isFinite, 'a decimal number')],
  ['id', text(isId, 'an id: 1 to 64 letters, digits, - and .')],
  ['instant', text(isInstant, 'date and time with seconds and zone')],
  ['integer', number(isInteger(-2147483648), 'a whole number of 32 bits')],
  ['markdown', text(isString, 'text of at most 1 MiB without control characters')],
  ['oid', text(isOid, 'an OID that begins with urn:oid:')],
  ['positiveInt', number(isInteger(1), 'a whole number from 1 to 2147483647')],
  ['string', text(isString, 'text of at most 1 MiB without control characters')],
  ['time', text(isTime, 'a time of day with seconds and without zone')],
  ['unsignedInt', number(isInteger(0), 'a whole number from 0 to 2147483647')],
  ['uri', uri],
  ['url', text(isUri, 'a URL without white space')],
  ['uuid', text(isUuid, 'a UUID that begins with urn:uuid:')],
]);
