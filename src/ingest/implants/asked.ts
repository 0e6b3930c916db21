/** What is told of an implant beside what is kept of it, and what is made of the two. */
import type { Entry } from '../../interactions/interaction.ts';
import type { Change, Kept } from '../../store/store.ts';
import type { Quarantined } from '../intake/quarantine.ts';
import { implantKind } from './kept.ts';
import type { Occasion } from './occasion.ts';
import type { AlertTold, Told } from './told.ts';

export interface Row {
  readonly key: string;
  readonly kept: Kept | undefined;
}

export interface Asked {
  readonly told: Told;
  /** `DocumentReference/1` */
  readonly raw: string | undefined;
  readonly cied: string;
  /** Id by which the implant is kept. */
  readonly implant: string;
  readonly now: number;
  /** Asked before and not stored: something may be in the way. */
  readonly isRetry: boolean;
  readonly own: Row;
  /** What could not be placed, and has been said. */
  readonly unplaced: Row;
  readonly occasions: readonly (Row & { readonly occasion: Occasion })[];
  readonly alerts: readonly (Row & { readonly alert: AlertTold })[];
}

export interface Outcome {
  /** Values, not resources. */
  readonly new: number;
  readonly duplicate: number;
  readonly corrected: number;
  /** For the caller to keep (`quarantineChange`), in the same commit. Told once for the same thing. */
  readonly quarantined: readonly Quarantined[];
  readonly alertsNew: number;
}
export const nothing: Outcome = { new: 0, duplicate: 0, corrected: 0, quarantined: [], alertsNew: 0 };

export interface Entries {
  /** For one `takeIn`, with `also`. */
  readonly entries: readonly Entry[];
  readonly also: readonly Change[];
  /** `Device/1`, `Patient/1`; undefined where nobody can say. */
  readonly device?: string;
  readonly patient?: string;
  readonly outcome: Outcome;
}

export const putRow = ({ key, kept }: Row, value: unknown): Change => ({
  op: 'put',
  kind: implantKind,
  key,
  value,
  expect: kept?.revision ?? 'absent',
});
