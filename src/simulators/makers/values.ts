/** What an implant measures at an instant: circadian heart rate, a battery that only empties, leads channel by channel. Pure functions of the seed. */
import { drawn, normal } from '../chance.ts';
import type { Channel, SimDevice } from './cast.ts';

const DAY = 86_400_000;

/** Beats a minute at rest, over whole days; what a sample strays from it has a standard deviation of about 7. */
export const restingRate = (device: SimDevice, seed: number): number =>
  60 + Math.floor(14 * drawn(seed, 'rest', device.id));

/** 8 up in the afternoon, 8 down before dawn, and noise of 4. */
export function heartRate(device: SimDevice, seed: number, at: number): number {
  const hour = (at % DAY) / 3_600_000;
  const daily = 8 * Math.cos((2 * Math.PI * (hour - 16)) / 24);
  return Math.round(restingRate(device, seed) + daily + 4 * normal(seed, 'rate', device.id, at));
}

/** From 1 at the implantation down to 0.02: never up. */
function charge(device: SimDevice, seed: number, at: number): number {
  const years = (at - Date.parse(device.implanted ?? '2024-01-01')) / (365.25 * DAY);
  const life = 9 + 4 * drawn(seed, 'life', device.id);
  return Math.max(0.02, 1 - Math.max(0, years) / life);
}

const isShocking = ({ kind }: SimDevice) => kind === 'icd' || kind === 'crt-d';

/** Volts, two digits: what the maker prints. */
export const batteryVoltage = (device: SimDevice, seed: number, at: number): string => {
  const [full, empty] = isShocking(device) ? [3.2, 2.5] : [2.8, 2.4];
  return (Math.floor(100 * (empty + (full - empty) * charge(device, seed, at))) / 100).toFixed(2);
};

export const batteryLevel = (device: SimDevice, seed: number, at: number): string =>
  String(Math.floor(100 * charge(device, seed, at)));

const typical: Readonly<
  Record<Channel, { readonly impedance: number; readonly sensing: number; readonly threshold: number }>
> = {
  RA: { impedance: 480, sensing: 2.8, threshold: 0.6 },
  RV: { impedance: 560, sensing: 9.4, threshold: 0.8 },
  LV: { impedance: 720, sensing: 8.2, threshold: 1.2 },
  HV: { impedance: 62, sensing: 0, threshold: 0 },
};

/** A lead's own value, a few per cent of noise about it, with so many digits. */
function about(what: 'impedance' | 'sensing' | 'threshold', digits: number) {
  return (device: SimDevice, channel: Channel, seed: number, at: number): string => {
    const own = typical[channel][what] * (0.85 + 0.3 * drawn(seed, what, device.id, channel));
    return (own * (1 + 0.02 * normal(seed, what, device.id, channel, at))).toFixed(digits);
  };
}

const soundImpedance = about('impedance', 0);

/** Ohm. A broken lead stands above 2000. */
export const impedance: typeof soundImpedance = (device, channel, seed, at) =>
  device.hasBrokenLead && channel === 'RV'
    ? String(2_140 + Math.round(25 * drawn(seed, 'broken', device.id, at)))
    : soundImpedance(device, channel, seed, at);

/** mV. */
export const sensing = about('sensing', 1);
/** V at 0.4 ms. */
export const threshold = about('threshold', 2);

/** Per cent of beats that are paced: nearly all in the left ventricle of a CRT. */
export const paced = (device: SimDevice, channel: Channel, seed: number, at: number): string =>
  String(
    channel === 'LV'
      ? 92 + Math.floor(7 * drawn(seed, 'paced', device.id, channel, at))
      : Math.floor((device.kind === 'icd' ? 4 : 40) * drawn(seed, 'paced', device.id, channel)),
  );

/** One lead of an electrocardiogram in microvolts: an irregular rhythm without P waves, as in atrial fibrillation. */
export function strip(device: SimDevice, seed: number, at: number, hertz: number, seconds: number): readonly number[] {
  const samples = new Array<number>(hertz * seconds);
  let beat = 0;
  let next = 0.2;
  for (let n = 0; n < samples.length; n++) {
    const time = n / hertz;
    if (time >= next + 0.3) {
      beat++;
      next += 0.35 + 0.5 * drawn(seed, 'beat', device.id, at, beat);
    }
    const away = time - next;
    const wave = 900 * Math.exp(-((away / 0.012) ** 2)) - 180 * Math.exp(-(((away - 0.03) / 0.012) ** 2));
    const fine = 35 * Math.sin(2 * Math.PI * 6.3 * time) + 18 * normal(seed, 'noise', device.id, at, n);
    samples[n] = Math.round(wave + 220 * Math.exp(-(((away - 0.22) / 0.05) ** 2)) + fine);
  }
  return samples;
}
