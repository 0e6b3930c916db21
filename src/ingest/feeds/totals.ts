/** Sums over all devices of a maker, kept up while its lease is held. */
import type { Store } from '../../store/store.ts';
import type { DevicePolled } from './device.ts';
import type { Counts } from './feeds.ts';
import { feedKinds, type KeptDevice, type KeptMaker, keptOf, none, plus } from './state.ts';

export interface Totals {
  /** Of a device, as soon as it is stored. */
  count(more: Partial<Counts>): void;
  /** A device was asked. Its counts are counted already. */
  ended(polled: Pick<DevicePolled, 'gaps' | 'gapsBefore' | 'isNew'>): void;
  /** What belongs to no device. */
  own(counts: Partial<Counts>): void;
  read(): Pick<KeptMaker, 'counts' | 'own' | 'devices' | 'missingIntervals'>;
}

/** Exact also after a crash: what is kept with each device is summed anew. */
export async function openTotals(
  store: Pick<Store, 'list'>,
  maker: string,
  before: KeptMaker | undefined,
): Promise<Totals> {
  let own = before?.own ?? none;
  let ofDevices = none;
  let devices = 0;
  let missingIntervals = 0;
  for await (const { value } of keptOf(store, feedKinds.device, maker)) {
    const { counts, gaps } = value as KeptDevice;
    ofDevices = plus(ofDevices, counts);
    missingIntervals += gaps.length;
    devices++;
  }
  return {
    count(more) {
      ofDevices = plus(ofDevices, more);
    },
    ended({ gaps, gapsBefore, isNew }) {
      missingIntervals += gaps - gapsBefore;
      if (isNew) devices++;
    },
    own(counts) {
      own = plus(own, counts);
    },
    read: () => ({ counts: plus(ofDevices, own), own, devices, missingIntervals }),
  };
}
