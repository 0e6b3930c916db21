/** What of a text that came in is but the name of its kind, so that a page says that in the language of who reads; what others wrote stays as written. docs/dashboard.md */
import { kindOf as alertKindOf } from '../../alerts/kinds.ts';
import type { ReadingKinds } from '../../translators/cardiac/kinds.ts';
import { wordsOf } from '../words/words.ts';

const words = wordsOf('en', 'cardiac');
const inWords = (kind: string): string | undefined => words[`cardiac.kind.${kind}`] as string | undefined;

/** Halves of one vital, by the code of the component. */
const pressures: Readonly<Record<string, string>> = {
  '8480-6': 'systolic_pressure',
  '150021': 'systolic_pressure',
  '8462-4': 'diastolic_pressure',
  '150022': 'diastolic_pressure',
};

/** Of an Observation or one of its components. */
export const kindIn = (part: any, kinds: ReadingKinds): string =>
  part.code?.coding?.map(({ code }: any) => pressures[code]).find(Boolean) ?? kinds.of(part);

export interface Named {
  /** As it was written. */
  readonly name: string;
  /** What stands behind its kind, as ` RV`, where the text says no more; null where the name is to be shown. */
  readonly channel: string | null;
}

export function namedIn({ code = {} }: any, kind: string): Named {
  const { text, coding = [] } = code;
  const name: string = text ?? coding[0]?.display ?? kind;
  const known = inWords(kind);
  if (known === undefined) return { name, channel: null };
  if (text === undefined || coding.some(({ display }: any) => display === text)) return { name, channel: '' };
  const begins = [kind, known].find((word) => name.toLowerCase().startsWith(word.toLowerCase()));
  const rest = begins === undefined ? undefined : name.slice(begins.length);
  return { name, channel: rest !== undefined && /^(?: [A-Z][A-Z0-9]{0,4})?$/.test(rest) ? rest : null };
}

export interface AlertNamed {
  /** Which way it went, where that is said: H, HH, L or LL. */
  readonly beyond: string | null;
  /** What its text says besides its kind; null where that is all. */
  readonly besides: string | null;
  /** A sentence of this server's own: `cardiac.own.…` of the words, and what stands in it; instants as such, for the clock of who reads. */
  readonly own?: readonly [words: string, values: Readonly<Record<string, string>>];
}

const ways: Readonly<Record<string, string>> = {
  'critically high': 'HH',
  'critically low': 'LL',
  'too high': 'H',
  'too low': 'L',
};

/** Sentences that this server writes, by the kind of their alert. */
const sentences: Readonly<Record<string, readonly [words: string, form: RegExp]>> = {
  'device-offline': [
    'silent',
    /^Nothing was heard of the (?:device|implant) since (?<since>\S+Z); expected by (?<until>\S+Z)$/,
  ],
  'alert-flood': [
    'flood',
    /^More than (?<count>\d+) warnings within (?<minutes>\d+) minutes: those that follow stand under this one$/,
  ],
  'data-quality': ['unusable', /^Data of the feed (?<feed>\S+) could not be used: (?<why>.+)$/s],
};

/** Of the words that this server writes itself: `Heart rate is critically high`. */
export function alertNamed(type: string, message: string): AlertNamed {
  const { code, display } = alertKindOf(type);
  const [, way] = /^[A-Z][a-z ]+ is ((?:critically|too) (?:high|low))$/.exec(message) ?? [];
  if (code.startsWith('vital-') && way !== undefined) return { beyond: ways[way]!, besides: null };
  const [sentence, form] = sentences[code] ?? [];
  const values = form?.exec(message)?.groups;
  if (sentence !== undefined && values) return { beyond: null, besides: null, own: [sentence, { ...values }] };
  if ([display, words[`cardiac.alert.${code}`]].includes(message)) return { beyond: null, besides: null };
  const isSaid = message.startsWith(`${display}: `);
  return { beyond: null, besides: isSaid ? message.slice(display.length + 2) : message };
}
