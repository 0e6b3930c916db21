/** Which term of the IDC nomenclature a kind of reading is, by the channel where it has one. ISO/IEEE 11073-10103; domain.md 2.5 */
import type { Channel } from '../implants/told.ts';

export interface Kind {
  /** MDC code; or that of channel RA, RV, LA, LV ... where the term has a channel. */
  readonly code: string | Readonly<Partial<Record<Channel, string>>>;
  /** UCUM units that it can have; none for what is a code. */
  readonly units: readonly string[];
  /** Of a kind whose values are codes: word -> MDC code. */
  readonly codes?: Readonly<Record<string, string>>;
}

const byChamber = (first: number, step: number, highVoltage?: number): Kind['code'] => ({
  RA: `${first}`,
  RV: `${first + step}`,
  LA: `${first + 2 * step}`,
  LV: `${first + 3 * step}`,
  ...(highVoltage === undefined ? {} : { HV: `${highVoltage}` }),
});

/** Names are the customer's `reading_type`. */
export const kinds: Readonly<Record<string, Kind>> = {
  heart_rate: { code: '147842', units: ['/min', '{beats}/min'] },
  mean_heart_rate: { code: '737651', units: ['{beats}/min', '/min'] },
  battery_voltage: { code: '721344', units: ['V'] },
  battery_level: { code: '721536', units: ['%'] },
  battery_longevity: { code: '721472', units: ['mo'] },
  battery_status: {
    code: '721280',
    units: [],
    codes: { BOS: '754113', MOS: '754114', RRT: '754115', EOS: '754116' },
  },
  charge_time: { code: '721728', units: ['s'] },
  lead_impedance: { code: byChamber(722_432, 1, 722_624), units: ['Ohm'] },
  sensing_threshold: { code: byChamber(722_048, 4), units: ['mV'] },
  pacing_threshold: { code: byChamber(722_176, 1), units: ['V'] },
  pulse_width: { code: byChamber(722_240, 1), units: ['ms'] },
  paced: { code: { RA: '737520', RV: '737536', LV: '737792' }, units: ['%'] },
  crt_paced: { code: '737808', units: ['%'] },
  /** How long it lasted. */
  episode: { code: '739712', units: ['s'] },
  at_burden: { code: '737696', units: ['%'] },
};
