/** How far one device is read: every step goes into the store with what it brought, and counts with it. docs/feeds.md */
import type { Held } from '../../store/lease.ts';
import type { Change } from '../../store/store.ts';
import type { AlertTold, Connectivity, Implant, PatientTold } from '../implants/told.ts';
import type { Asking } from './asking.ts';
import type { Counts } from './feeds.ts';
import type { DeviceRow, KeptAside, PatientRow, Read } from './row.ts';
import type { CameIn } from './settle.ts';
import { feedKinds, type KeptDevice, keyIn, noDevice, none, plus } from './state.ts';

export interface DeviceAsked {
  readonly patient: Pick<PatientRow, 'id' | 'told'>;
  readonly row: DeviceRow;
  /** The page that the row stood in. */
  readonly page: CameIn;
  /** Looks back as far as `recheck` says. */
  readonly isDeep: boolean;
  readonly held: Held;
  /** Told of all that is counted, step by step. */
  readonly counted: (more: Partial<Counts>) => void;
  /** Another device of the maker, where a row of this one's pages names it. */
  readonly other: (device: string) => { readonly implant: Implant; readonly patient: PatientTold } | undefined;
}

export interface Step {
  readonly page?: CameIn;
  readonly reads?: readonly Read[];
  readonly alerts?: readonly AlertTold[];
  readonly connectivity?: Connectivity;
  readonly aside?: readonly KeptAside[];
  readonly repaired?: readonly string[];
  /** What is kept changes with it. */
  readonly next?: (state: KeptDevice) => KeptDevice;
  /** Counted besides its rows. */
  readonly also?: Partial<Counts>;
  /** Kept with it. */
  readonly changes?: readonly Change[];
  /** Kept also where it brought nothing. */
  readonly isKept?: boolean;
}

export interface Progress {
  /** Undefined where the device is asked for the first time. */
  readonly before: KeptDevice | undefined;
  state(): KeptDevice;
  /** Of this poll alone. */
  counts(): Counts;
  /** Changes what is kept with the next step that is. */
  change(next: (state: KeptDevice) => KeptDevice): void;
  take(step: Step, implant: Implant): Promise<void>;
  /** Counts what was stored with another device. */
  count(more: Partial<Counts>): void;
}

export async function openProgress(
  { document, store, settle, step }: Asking,
  { row: { id: device }, patient, held, counted: tell }: DeviceAsked,
): Promise<Progress> {
  const maker = document.name;
  const key = keyIn(maker, device);
  const [kept] = await store.get(feedKinds.device, [key]);
  const before = kept?.value as KeptDevice | undefined;
  let state: KeptDevice = { ...(before ?? noDevice(patient.id)), patient: patient.id };
  let counts = none;
  const count = (more: Partial<Counts>) => {
    counts = plus(counts, more);
    tell(more);
    state = { ...state, counts: plus(state.counts, more) };
  };
  return {
    before,
    state: () => state,
    counts: () => counts,
    change: (next) => {
      state = next(state);
    },
    count,
    async take({ next = (same) => same, also = {}, changes = [], isKept = false, ...what }, implant) {
      const after = (counted: Partial<Counts>): KeptDevice => {
        const changed = next(state);
        const told = { implant, patient: patient.told };
        return { ...changed, told, counts: plus(plus(changed.counts, counted), also) };
      };
      const counted = await settle({
        ...what,
        maker,
        implant,
        patient: patient.told,
        held,
        isQuiet: !isKept,
        state: (said) => [{ op: 'put', kind: feedKinds.device, key, value: after(said) }, ...changes],
      });
      state = after(counted);
      const more = plus(plus(none, counted), also);
      counts = plus(counts, more);
      tell(more);
      await step?.();
    },
  };
}
