/** The words of the pages: one file for each language and room, all with the same keys. https://www.rfc-editor.org/rfc/rfc4647 */
import { readdirSync, readFileSync } from 'node:fs';

/** A text with `{name}` for what is put in, or one for each plural category of the language. */
export type Wording = string | Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;
export type Catalogue = Readonly<Record<string, Wording>>;

const folder = new URL('./', import.meta.url);
const jsonIn = (place: string): readonly string[] =>
  readdirSync(new URL(`${place}/`, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();

/** The first is spoken where nobody asks for another that there is. */
export const localeNames = ['en', 'de'] as const;
export type Locale = (typeof localeNames)[number];
/** What each calls itself. */
export const ownNames: Readonly<Record<Locale, string>> = { en: 'English', de: 'Deutsch' };
/** Those that are written from right to left, by their subtags: none of ours yet, and pages are ready for them. */
const rightToLeft: ReadonlySet<string> = new Set(['ar', 'fa', 'he', 'ur']);
export const directionOf = (locale: string): 'ltr' | 'rtl' => (rightToLeft.has(locale) ? 'rtl' : 'ltr');

/** `shell`, and one for each kind of page: the files of the first language. */
export const rooms: readonly string[] = jsonIn(localeNames[0]);

const read = new Map<string, Catalogue>();
export function wordsOf(locale: Locale, room: string): Catalogue {
  const name = `${locale}/${room}.json`;
  const known = read.get(name) ?? (JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Catalogue);
  read.set(name, known);
  return known;
}

export type Say = (key: string, values?: Readonly<Record<string, string | number>>) => string;

/** Says a key of the rooms in a language. `count` chooses the plural. Throws for a key that no room has: a page must not show one. */
export function words(locale: Locale, ...from: readonly string[]): Say {
  const all = Object.assign({}, ...['shell', ...from].map((room) => wordsOf(locale, room))) as Catalogue;
  const plural = new Intl.PluralRules(locale);
  return (key, values = {}) => {
    const wording = all[key];
    const text =
      typeof wording === 'object' ? (wording[plural.select(Number(values.count))] ?? wording.other) : wording;
    if (text === undefined) throw new Error(`no words for ${key} in ${locale}`);
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

/** Of the languages that a browser asks for (Accept-Language), the first that there is. */
export function localeFor(asked: string | undefined): Locale {
  const wanted = (asked ?? '')
    .slice(0, 200)
    .split(',')
    .map((part) => {
      const [tag = '', quality = ''] = part.trim().split(/\s*;\s*q=/);
      return { tag: tag.toLowerCase().split('-', 1)[0]!, quality: quality === '' ? 1 : Number(quality) || 0 };
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality);
  return wanted.map(({ tag }) => localeNames.find((name) => name === tag)).find((name) => name) ?? localeNames[0];
}
