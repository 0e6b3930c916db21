/** Questions that once found a difference: test/search/cases, one file each, asked again in every run. */
import { readdirSync, readFileSync } from 'node:fs';
import type { World } from './evaluate.ts';
import type { Question } from './run.ts';

/** `why` is a sentence; `seed` makes the world; `{base}` in a value stands for the base URL of the server. */
export interface Kept extends Question {
  readonly why: string;
  readonly seed: number;
}

const folder = new URL('../cases/', import.meta.url);

export const keptCases: readonly (readonly [file: string, Kept])[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => [file, JSON.parse(readFileSync(new URL(file, folder), 'utf8'))]);

export const forWorld = ({ type, conditions, shape }: Question, { base }: World): Question => ({
  type,
  shape,
  conditions: conditions.map(([name, value]) => [name, value.replaceAll('{base}', base)]),
});

/** A failing question as it is kept: one line of JSON, to be given a sentence. */
export const keeping = ({ type, conditions, shape }: Question, { base }: World, seed: number): string =>
  JSON.stringify({
    why: '',
    seed,
    type,
    conditions: conditions.map(([name, value]) => [name, value.replaceAll(base, '{base}')]),
    shape,
  });
