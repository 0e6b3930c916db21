/** The words of the pages: every language says everything, and each page says only what there are words for. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { localeFor, localeNames, rooms, type Wording, words, wordsOf } from '../../src/console/words/words.ts';
import { filesBelow, textOf } from '../support/sources.ts';

/** Texts that are the same in both, as `room/key`. */
const SAME: readonly string[] = ['cardiac/cardiac.type.icd', 'cardiac/cardiac.strip.length'];

const others = localeNames.slice(1).flatMap((locale) => rooms.map((room) => [locale, room] as const));
const formsOf = (wording: Wording) => (typeof wording === 'object' ? Object.keys(wording).sort() : ['']);
const textsOf = (wording: Wording) => (typeof wording === 'object' ? Object.values(wording) : [wording]);
const blanksOf = (wording: Wording) =>
  [...new Set(textsOf(wording).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

describe('The words of the pages', () => {
  it('are in the same files in every language', () => {
    expect(rooms).toContain('shell');
    for (const locale of localeNames)
      expect(readdirSync(`src/console/words/${locale}`).sort()).toEqual(rooms.map((room) => `${room}.json`));
  });

  it.each(others)('say in %s all that %s says, with the same blanks, and nothing besides', (locale, room) => {
    const [english, other] = [wordsOf('en', room), wordsOf(locale, room)];

    expect(Object.keys(other).sort()).toEqual(Object.keys(english).sort());
    for (const [key, wording] of Object.entries(english)) {
      expect([key, blanksOf(other[key]!)]).toEqual([key, blanksOf(wording)]);
      expect([key, typeof other[key]]).toEqual([key, typeof wording]);
    }
  });

  it.each(others)('leave nothing untranslated in %s %s', (locale, room) => {
    const [english, other] = [wordsOf('en', room), wordsOf(locale, room)];
    const same = Object.keys(english).filter(
      (key) =>
        JSON.stringify(english[key]) === JSON.stringify(other[key]) && /[a-z]{3}/i.test(JSON.stringify(english[key])),
    );

    expect(same.filter((key) => !SAME.includes(`${room}/${key}`) && !isPlural(english[key]!))).toEqual([]);
  });

  it('have each plural that the language has', () => {
    for (const locale of localeNames) {
      const needed = new Intl.PluralRules(locale).resolvedOptions().pluralCategories.toSorted();
      for (const room of rooms)
        for (const [key, wording] of Object.entries(wordsOf(locale, room)))
          if (typeof wording === 'object') expect([locale, key, formsOf(wording)]).toEqual([locale, key, needed]);
    }
  });

  it('are put together with what is given, and missed loudly', () => {
    const say = words('de');

    expect(say('undo.left', { count: 1 })).toBe('noch 1 Sekunde');
    expect(say('undo.left', { count: 2 })).toBe('noch 2 Sekunden');
    expect(() => say('none.such')).toThrow('no words for none.such in de');
  });

  it.each([
    [undefined, 'en'],
    ['de-CH, en;q=0.5', 'de'],
    ['fr, en;q=0.2, de;q=0.9', 'de'],
    ['de;q=0, fr', 'en'],
    ['*', 'en'],
    [',;q=,', 'en'],
  ])('are spoken as a browser asks: %s is %s', (asked, locale) => {
    expect(localeFor(asked)).toBe(locale);
  });

  it('are there for every key that scripts and pages say', () => {
    const known = new Set(rooms.flatMap((room) => Object.keys(wordsOf('en', room))));
    const said = [...filesBelow('src/console', '.ts'), ...filesBelow('src/console', '.js')].flatMap((path) =>
      [...textOf(path).matchAll(/\bsay\(\s*'([^']+)'/g)].map(([, key]) => `${path}: ${key}`),
    );

    expect(said.length).toBeGreaterThan(20);
    expect(said.filter((line) => !known.has(line.split(': ')[1]!))).toEqual([]);
  });
});

/** `{count} min`: a unit is the same in many languages. */
const isPlural = (wording: Wording): boolean => typeof wording === 'object';
