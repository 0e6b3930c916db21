/** The vital signs of one simulated device, reading after reading. A sequence of its own: devices that post at once share no chance. */
import { drawn, seeded } from './chance.ts';

export interface Vitals {
  readonly heart_rate: number;
  readonly blood_pressure_systolic: number;
  readonly blood_pressure_diastolic: number;
  readonly temperature: number;
  readonly temperature_unit: 'F';
  readonly respiratory_rate: number;
  readonly oxygen_saturation: number;
  readonly signal_quality: number;
  readonly battery_level: number;
}

const tenths = (value: number) => Math.round(value * 10) / 10;

/** Wanders around the person's own values; now and then an episode of a dozen readings leaves the limits. `number` counts devices from 1. */
export function* vitals(seed: number, number: number): Generator<Vitals, never> {
  const random = seeded(Math.floor(2 ** 32 * drawn(seed, 'vitals', number)));
  const wave = () => random() + random() + random() - 1.5;
  const rest = { heartRate: 64 + 14 * random(), systolic: 100 + 10 * random() };
  for (let episode = 0; ; ) {
    episode = episode > 0 ? episode - 1 : random() < 0.02 ? 12 : 0;
    const ill = episode > 0;
    yield {
      heart_rate: Math.round(rest.heartRate + 6 * wave() + (ill ? 45 : 0)),
      blood_pressure_systolic: Math.round(rest.systolic + 5 * wave()),
      blood_pressure_diastolic: Math.round(rest.systolic * 0.62 + 4 * wave()),
      temperature: tenths(98.2 + 0.3 * wave() + (ill ? 3.2 : 0)),
      temperature_unit: 'F',
      respiratory_rate: Math.round(15 + 1.5 * wave() + (ill ? 7 : 0)),
      oxygen_saturation: tenths(Math.min(100, 97.4 + 0.6 * wave() - (ill ? 4 : 0))),
      signal_quality: Math.round(92 + 5 * wave()),
      battery_level: Math.round(60 + 30 * random()),
    };
  }
}
