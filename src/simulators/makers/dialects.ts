/** The makers that can be simulated, by the names of their folders under mappings/. */
import type { Dialect } from './dialect.ts';
import { abbott } from './dialects/abbott.ts';
import { biotronik } from './dialects/biotronik.ts';
import { bostonScientific } from './dialects/boston-scientific.ts';
import { medtronic } from './dialects/medtronic.ts';

const all = { 'boston-scientific': bostonScientific, medtronic, abbott, biotronik };
export type MakerName = keyof typeof all;
export const dialects: Readonly<Record<MakerName, Dialect>> = all;
export const makerNames = Object.keys(all) as readonly MakerName[];
