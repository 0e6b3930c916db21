/** Single values out of a maker's rows: looked up by path, digits kept, words and dates turned into ours. A row that cannot be read says why. */
import { ExactNumber } from '../../fhir/json.ts';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { QuarantineCode } from '../intake/quarantine.ts';
import { instantOf, isGiven } from '../mapping.ts';
import type { Dates, MakerDocument, Path, Words } from './document.ts';

/** Why a row is kept aside. Names fields, never a value. */
export interface Aside {
  readonly code: QuarantineCode;
  readonly reason: string;
}

export const unreadable = (sentence: string): Problem => problem('value', sentence);
export const unmapped = (sentence: string): Problem => problem('code-invalid', sentence);
export const implausible = (sentence: string): Problem => problem('processing', sentence);

const codeOf: Readonly<Record<string, QuarantineCode>> = {
  value: 'unreadable',
  'code-invalid': 'unmapped',
  processing: 'implausible',
};

/** What `work` gives, or why the row is kept aside. */
export function orAside<T>(work: () => T): T | Aside {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { code: codeOf[error.code] ?? 'unreadable', reason: error.message };
  }
}
export const isAside = (read: object): read is Aside => 'reason' in read;

/** Undefined for what is missing, null or below something that is no object. */
export function valueAt(row: any, path: Path): any {
  if (path === '') return row;
  let value = row;
  for (const member of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, member))
      return undefined;
    value = value[member];
  }
  return isGiven(value) ? value : undefined;
}

/** Text, or a number or boolean as it was written; undefined where it is not given or empty. */
export function wordAt(row: any, path: Path | undefined): string | undefined {
  if (path === undefined) return undefined;
  const value = valueAt(row, path);
  if (value === undefined) return undefined;
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (value instanceof ExactNumber || typeof value === 'boolean') return `${value}`;
  throw unreadable(`${path} is neither text nor a number`);
}

export function neededAt(row: any, path: Path): string {
  const word = wordAt(row, path);
  if (word === undefined) throw unreadable(`${path} is missing`);
  return word;
}

/** Our word for the maker's. `undefined` where the row gives none. */
export function translated<Ours extends string>(row: any, words: Words<Ours> | undefined): Ours | undefined {
  const word = words && wordAt(row, words.path);
  if (words === undefined || word === undefined) return undefined;
  const ours = Object.hasOwn(words.values, word) ? words.values[word] : words.otherwise;
  if (ours === undefined) throw unmapped(`${words.path} has a value that maker.json does not list`);
  return ours;
}

/** As with `translated`, for what a device cannot go without: what is missing or unknown is `otherwise`. */
export const translatedOr = <Ours extends string>(row: any, words: Words<Ours>, otherwise: Ours): Ours =>
  translated(row, { ...words, otherwise: words.otherwise ?? otherwise }) ?? otherwise;

const plain = /^[+-]?\d+(\.\d+)?$/;

export interface Digits {
  readonly text: string;
  /** What was taken for granted. */
  readonly assumption?: string;
}

/** The digits of a number, as a number or as text by the maker's custom. */
export function digitsAt(row: any, path: Path, { text, comma }: MakerDocument['decimals']): Digits {
  const value = valueAt(row, path);
  if (value === undefined) throw unreadable(`${path} is missing`);
  if (value instanceof ExactNumber) return { text: value.text };
  if (typeof value !== 'string') throw unreadable(`${path} is no number`);
  const trimmed = value.trim();
  if (plain.test(trimmed)) {
    if (text === 'quarantine') throw unreadable(`${path} is a number in quotation marks`);
    return { text: canonicalDigits(trimmed), assumption: `${path} came as text and was taken for a number` };
  }
  // One comma and no point: with both nobody knows which of them groups.
  if (/^[+-]?\d+,\d+$/.test(trimmed)) {
    if (comma === 'quarantine') throw unreadable(`${path} has a decimal comma`);
    return {
      text: canonicalDigits(trimmed.replace(',', '.')),
      assumption: `${path} came with a decimal comma`,
    };
  }
  throw unreadable(`${path} is no number`);
}

/** As JSON writes numbers: no plus sign, no leading zeros. Digits after the point stay. */
const canonicalDigits = (text: string): string => text.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1');

/** Moves the decimal point: 0.530 by 3 is 530, 1.2 by 3 is 1200, 850 by -3 is 0.850. Digits are moved, none is made up but zeros. */
export function shifted(text: string, shift: number): string {
  if (shift === 0) return text;
  if (!plain.test(text)) throw unreadable('a number with an exponent stands in a unit that has to be converted');
  const sign = text.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.');
  const digits = whole + fraction;
  const point = whole.length + shift;
  const padded = point <= 0 ? digits.padStart(digits.length - point + 1, '0') : digits.padEnd(point, '0');
  const at = Math.max(point, 1);
  const rest = padded.slice(at);
  return sign + canonicalDigits(padded.slice(0, at)) + (rest === '' ? '' : `.${rest}`);
}

export interface Moment {
  /** FHIR instant with zone. */
  readonly text: string;
  readonly instant: number;
  readonly assumption?: string;
}

const AHEAD = 5 * 60_000;
const compact = /^(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/;
const zoned = /(Z|[+-]\d\d:\d\d)$/;

export function momentAt(row: any, path: Path, { style, naive }: Dates): Moment {
  const written = neededAt(row, path);
  if (style === 'epoch-ms' || style === 'epoch-s') {
    if (!/^\d{1,15}(\.\d+)?$/.test(written)) throw unreadable(`${path} is no time in ${style}`);
    const instant = Math.round(Number(written) * (style === 'epoch-s' ? 1_000 : 1));
    // The last instant that FHIR can write; beyond it toISOString has more than four digits of a year.
    if (instant > 253_402_300_799_999) throw unreadable(`${path} is no time in ${style}`);
    return { text: new Date(instant).toISOString(), instant };
  }
  const parts = style === 'compact' ? compact.exec(written) : null;
  if (style === 'compact' && !parts) throw unreadable(`${path} is no time in the style of the maker`);
  const iso = parts
    ? `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}${parts[7] ?? ''}${colonIn(parts[8])}`
    : written.replace(/^(\d{4}-\d\d-\d\d) (?=\d\d:)/, '$1T').replace(/([+-]\d\d)(\d\d)$/, '$1:$2');
  if (zoned.test(iso.slice(10))) return { text: iso, instant: instantOf(iso, path) };
  if (naive === 'quarantine') throw unreadable(`${path} names no time zone`);
  const text = `${iso}${naive}`;
  return { text, instant: instantOf(text, path), assumption: `${path} named no time zone and was taken for ${naive}` };
}

const colonIn = (zone: string | undefined): string => zone?.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2') ?? '';

/** Refuses what lies more than five minutes ahead: a clock that is wrong tells nothing about when. */
export function demandPast(moment: Moment, path: Path, now: number): Moment {
  if (moment.instant > now + AHEAD) throw implausible(`${path} is more than five minutes ahead`);
  return moment;
}

/** The beginning of a window as the maker wants to be asked. */
export function asked(instant: number, { style, ask = style }: Dates): string {
  if (ask === 'epoch-ms') return `${Math.floor(instant)}`;
  if (ask === 'epoch-s') return `${Math.floor(instant / 1_000)}`;
  const iso = new Date(instant).toISOString();
  return ask === 'compact' ? iso.replace(/[-:]|\.\d+/g, '') : iso;
}

/** A FHIR date, partial ones kept; undefined for what is none. */
export function dateAt(row: any, path: Path | undefined): string | undefined {
  const written = path === undefined ? undefined : orAside(() => ({ word: wordAt(row, path) }));
  const word = written && 'word' in written ? written.word : undefined;
  const digits = word?.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3').replace(/^(\d{4}-\d\d-\d\d)T.*$/, '$1');
  return digits !== undefined && /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/.test(digits)
    ? digits
    : undefined;
}
