/** What an implant is called by, wherever it is told of: model and serial number, as IDCO writes them. docs/implants.md */
import { clean, stableId } from '../intake/entries.ts';
import type { Implant } from './told.ts';

type Named = Pick<Implant, 'maker' | 'model' | 'serial' | 'deviceId'>;

/** `model:D233/serial:123456`; where no serial number is told, what the maker calls it. Undefined where nothing names it. */
export function ciedOf({ maker, model, serial, deviceId }: Named): string | undefined {
  const number = clean(serial, 100);
  if (number !== undefined) return `model:${clean(model, 100) ?? ''}/serial:${number}`;
  const name = clean(deviceId, 100);
  return name === undefined ? undefined : `maker:${maker}/id:${name}`;
}

/** Names the implant in what is kept, and as a Device where the store has none. Paceart writes the names in capitals. */
export const implantIdOf = (cied: string): string => stableId(0, 'cied', cied.toLowerCase());

/** Names anything else of the implant: a lead, a metric, an alert. */
export const partIdOf = (implant: string, ...part: readonly (string | number)[]): string =>
  stableId(0, implant, ...part);
