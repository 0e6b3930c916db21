/** What an alert may be about: the code system of alert types, read once. profiles/CodeSystem-alert-type.json */
import { readFileSync } from 'node:fs';

export interface Kind {
  readonly code: string;
  readonly display: string;
  /** Category of the Flag; left out where it is `clinical` because a vital sign says so. */
  readonly category?: string;
}

const { concept } = JSON.parse(
  readFileSync(new URL('../../profiles/CodeSystem-alert-type.json', import.meta.url), 'utf8'),
);

const kinds: ReadonlyMap<string, Kind> = new Map(
  concept.map(({ code, display, property }: any) => [
    code,
    { code, display, category: property?.find((one: any) => one.code === 'flag-category')?.valueCode },
  ]),
);
const other = kinds.get('device-alert')!;

/** The kind of this code; that of any other alert of a device where it is none of ours. */
export const kindOf = (code: string): Kind => kinds.get(code) ?? other;

/** Kinds of alerts of devices say which category of Flag they are; others are no kind that a device may name. */
export const deviceKindOf = (code: string): Kind => {
  const kind = kindOf(code);
  return kind.category === undefined ? other : kind;
};
