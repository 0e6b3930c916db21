/** The makers that there are: a folder each under mappings/, with maker.json in it. docs/add-a-maker.md */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MakerClient } from '../../outbound/maker.ts';
import type { Cadence, MakerDocument } from './document.ts';
import { kinds } from './kinds.ts';

/** Default export of `client.ts` in a maker's folder, where data cannot say how it is asked: calls and answers as maker.json describes them, made of other ones. */
export type Adapt = (client: MakerClient, document: MakerDocument) => MakerClient;

export interface MakerFolder {
  readonly document: MakerDocument;
  readonly adapt?: Adapt;
}

/** By name, in order. Throws a sentence for a document that cannot work. */
export async function loadMakers(folder: string): Promise<ReadonlyMap<string, MakerFolder>> {
  const names = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'maker.json')))
    .sort();
  const makers = await Promise.all(
    names.map(async (name): Promise<[string, MakerFolder]> => {
      const document: MakerDocument = JSON.parse(readFileSync(join(folder, name, 'maker.json'), 'utf8'));
      const fault = faultIn(name, document);
      if (fault !== undefined) throw new Error(`mappings/${name}/maker.json ${fault}`);
      const code = join(folder, name, 'client.ts');
      if (!existsSync(code)) return [name, { document }];
      const { default: adapt } = (await import(pathToFileURL(code).href)) as { default: Adapt };
      return [name, { document, adapt }];
    }),
  );
  return new Map(makers);
}

const needed: readonly (keyof MakerDocument)[] = [
  'manufacturer',
  'auth',
  'overlapHours',
  'recheck',
  'dates',
  'decimals',
  'endpoints',
  'patient',
  'device',
  'reading',
  'units',
];

function faultIn(name: string, document: MakerDocument): string | undefined {
  const missing = needed.find((member) => document[member] === undefined);
  if (missing !== undefined) return `says nothing about ${missing}`;
  if (document.name !== name) return 'has another name than its folder';
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return 'must be called by small letters, digits and dashes';
  if (document.auth.length === 0) return 'names no way to show who asks';
  for (const [word, told] of Object.entries(document.reading.kinds))
    if (typeof told === 'string' && !Object.hasOwn(kinds, told))
      return `calls ${word} a ${told}, which is no kind of reading`;
  if (document.report && !document.endpoints.report) return 'says what is in a report, and not where one is asked for';
  if (document.endpoints.report && document.reading.transmission === undefined)
    return 'says where reports are, and not how a reading names one';
  const cadences: readonly Cadence[] = Object.values(document.cadence ?? {});
  if (
    cadences.some(({ everyMinutes, missingAfterMinutes }) => !(missingAfterMinutes > everyMinutes && everyMinutes > 0))
  )
    return 'expects readings again before the next one is due';
  return undefined;
}

/** `BOSTON_SCIENTIFIC` of `boston-scientific`. */
export const settingOf = (name: string): string => name.toUpperCase().replaceAll('-', '_');
