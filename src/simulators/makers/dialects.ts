/** The makers that can be simulated, by the names of their folders under mappings/. */
import { bostonScientific } from './dialects/boston-scientific.ts';

export const dialects = { 'boston-scientific': bostonScientific } as const;
export type MakerName = keyof typeof dialects;
export const makerNames = Object.keys(dialects) as readonly MakerName[];
