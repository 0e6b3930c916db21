/** The faults that a simulated maker can be told to have, by name, and when each is switched on. domain.md 2.11, docs/simulators.md */

/** `wire` spoils one answer in so many, `row` one reading in so many, for good; `world` changes what is true at the maker. */
export interface Fault {
  readonly kind: 'wire' | 'row' | 'world';
  /** One in so many, where nobody says otherwise. */
  readonly every: number;
  /** Answers in a row that a `wire` fault spoils. */
  readonly times?: number;
  /** Why a correct client keeps the reading of a `row` fault in quarantine; absent where it can be read all the same. */
  readonly quarantine?: 'no-device' | 'unreadable' | 'implausible';
  readonly meaning: string;
}

export const faults = {
  'expired-mid-page': { kind: 'wire', every: 3, meaning: '401 on a page after the first: the token ended meanwhile' },
  'token-revoked': { kind: 'wire', every: 10, meaning: '401: the token is forgotten before its time' },
  'clock-ahead': { kind: 'wire', every: 1, meaning: "the maker's clock, in Date and Retry-After, is 10 minutes ahead" },
  'clock-behind': {
    kind: 'wire',
    every: 1,
    meaning: "the maker's clock, in Date and Retry-After, is 10 minutes behind",
  },
  'too-many-requests': { kind: 'wire', every: 5, times: 2, meaning: '429 with Retry-After in seconds, twice in a row' },
  'too-many-requests-date': {
    kind: 'wire',
    every: 5,
    times: 2,
    meaning: '429 with Retry-After as a date, twice in a row',
  },
  maintenance: { kind: 'wire', every: 6, meaning: '503 with Retry-After' },
  'server-error': { kind: 'wire', every: 5, meaning: '500, once' },
  'server-errors': { kind: 'wire', every: 6, times: 2, meaning: '500, twice in a row' },
  'no-answer': { kind: 'wire', every: 8, meaning: 'the request is read, and nothing is answered' },
  'slow-body': { kind: 'wire', every: 8, meaning: 'the body comes at one byte a second' },
  reset: { kind: 'wire', every: 5, meaning: 'the connection is reset in the middle of the body' },
  'truncated-json': { kind: 'wire', every: 5, meaning: 'the body ends in the middle, as if it were whole' },
  'html-page': { kind: 'wire', every: 5, meaning: '200 with a page of HTML' },
  'wrong-content-type': { kind: 'wire', every: 5, meaning: 'right body, said to be text/plain' },
  'byte-order-mark': { kind: 'wire', every: 2, meaning: 'a byte order mark before the JSON' },
  'cursor-expired': { kind: 'wire', every: 4, meaning: '410: the page cursor is no longer known' },
  'out-of-order': { kind: 'wire', every: 1, meaning: 'the rows of a page are shuffled' },
  'acknowledgement-lost': { kind: 'wire', every: 2, meaning: 'an acknowledgement is answered 200 and forgotten' },
  'duplicate-readings': { kind: 'row', every: 4, meaning: 'the reading is sent twice, under one id' },
  'duplicate-content': { kind: 'row', every: 4, meaning: 'the reading is sent twice, under two ids' },
  'future-timestamps': { kind: 'row', every: 6, quarantine: 'implausible', meaning: 'measured three days from now' },
  'naive-timestamps': { kind: 'row', every: 2, meaning: 'the time names no zone; it is UTC' },
  'unknown-enum': { kind: 'row', every: 6, meaning: 'a type of reading that nobody knows' },
  'null-values': { kind: 'row', every: 6, quarantine: 'unreadable', meaning: 'the value is null' },
  'string-values': { kind: 'row', every: 2, meaning: 'the value is a string: "72"' },
  'unit-variants': { kind: 'row', every: 2, meaning: 'other spellings of the unit; impedance in kOhm' },
  'comma-decimals': { kind: 'row', every: 6, meaning: 'the value is "3,02"' },
  'field-added': { kind: 'row', every: 2, meaning: 'a field that is not documented' },
  'field-renamed': { kind: 'row', every: 6, quarantine: 'unreadable', meaning: 'the value stands under another name' },
  'unknown-device': {
    kind: 'row',
    every: 8,
    quarantine: 'no-device',
    meaning: 'the reading is of a device that the maker does not list',
  },
  'late-readings': {
    kind: 'world',
    every: 3,
    meaning: 'a transmission reaches the maker 48 hours after it was measured',
  },
  'missing-interval': { kind: 'world', every: 5, meaning: 'four transmissions in a row are never sent' },
  'reassigned-device': { kind: 'world', every: 1, meaning: "the third patient's pacemaker is given to the fourth" },
  'late-reports': {
    kind: 'world',
    every: 2,
    meaning: 'a report is there half an hour after its readings: 404 until then',
  },
  'broken-reports': { kind: 'world', every: 3, meaning: 'a report is no PDF, or its base64 is broken, for good' },
  'huge-reports': { kind: 'world', every: 4, meaning: 'a report of 21 MB' },
  'severity-change': { kind: 'world', every: 1, meaning: 'an alert gets another severity under the same id' },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as readonly FaultName[];

/** A fault that is on, or was: what was made while it was on stays as it is. Ms since 1970. */
export interface Switched {
  readonly name: FaultName;
  readonly every: number;
  readonly from: number;
  readonly until: number;
}

/** `name` or `name:every`. */
export function parseFault(text: string): { readonly name: FaultName; readonly every: number } {
  const [name = '', every] = text.trim().split(':');
  if (!Object.hasOwn(faults, name)) throw new Error(`no fault is called ${name}; there are ${faultNames.join(', ')}`);
  const found = name as FaultName;
  if (every !== undefined && !/^[1-9]\d{0,5}$/.test(every)) throw new Error(`${name} happens once in a whole number`);
  return { name: found, every: every === undefined ? faults[found].every : Number(every) };
}

export interface Switches {
  /** The fault as it was at that instant, where it was on. */
  at(name: FaultName, instant: number): Switched | undefined;
  on(fault: { readonly name: FaultName; readonly every: number }, instant: number): void;
  off(name: FaultName | undefined, instant: number): void;
  /** All there ever were, in order. */
  all(): readonly Switched[];
}

export function createSwitches(): Switches {
  let list: Switched[] = [];
  const off = (name: FaultName | undefined, instant: number) => {
    list = list.map((one) => (one.until > instant && (!name || one.name === name) ? { ...one, until: instant } : one));
  };
  return {
    at: (name, instant) => list.find((one) => one.name === name && one.from <= instant && instant < one.until),
    on: ({ name, every }, instant) => {
      off(name, instant);
      list.push({ name, every, from: instant, until: Number.POSITIVE_INFINITY });
    },
    off,
    all: () => list,
  };
}
