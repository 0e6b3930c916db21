/** NEWS2 as a pure table: seven parameters, their scores, the total. Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017. Not validated for clinical use. */

export const parameters = [
  'respiratory-rate',
  'oxygen-saturation',
  'oxygen',
  'systolic-pressure',
  'pulse',
  'consciousness',
  'temperature',
] as const;
export type Parameter = (typeof parameters)[number];

/** A, or C (new confusion), V, P, U. */
export type Consciousness = 'A' | 'C' | 'V' | 'P' | 'U';

export interface Inputs {
  /** Per minute. */
  readonly 'respiratory-rate': number;
  /** Percent. */
  readonly 'oxygen-saturation': number;
  /** Whether oxygen is given. */
  readonly oxygen: boolean;
  /** mm[Hg] */
  readonly 'systolic-pressure': number;
  /** Per minute. */
  readonly pulse: number;
  readonly consciousness: Consciousness;
  /** Cel */
  readonly temperature: number;
}

/** By which the oxygen saturation is scored: 2 for hypercapnic respiratory failure, where a clinician has set it. */
export type Scale = 1 | 2;

type Bands = readonly (readonly [upTo: number, score: number])[];
const more = Number.POSITIVE_INFINITY;

const bands = {
  'respiratory-rate': [
    [8, 3],
    [11, 1],
    [20, 0],
    [24, 2],
    [more, 3],
  ],
  'systolic-pressure': [
    [90, 3],
    [100, 2],
    [110, 1],
    [219, 0],
    [more, 3],
  ],
  pulse: [
    [40, 3],
    [50, 1],
    [90, 0],
    [110, 1],
    [130, 2],
    [more, 3],
  ],
  temperature: [
    [35, 3],
    [36, 1],
    [38, 0],
    [39, 1],
    [more, 2],
  ],
} as const satisfies Partial<Record<Parameter, Bands>>;
const scale1: Bands = [
  [91, 3],
  [93, 2],
  [95, 1],
  [more, 0],
];
const scale2OnAir: Bands = [
  [83, 3],
  [85, 2],
  [87, 1],
  [more, 0],
];
const scale2OnOxygen: Bands = [
  [83, 3],
  [85, 2],
  [87, 1],
  [92, 0],
  [94, 1],
  [96, 2],
  [more, 3],
];

const scoreIn = (table: Bands, value: number): number => table.find(([upTo]) => value <= upTo)![1];
/** The bands have gaps between whole numbers, of the temperature between tenths. */
const whole = (value: number): number => Math.round(value);
const tenths = (value: number): number => Math.round(value * 10) / 10;

export interface Score {
  readonly scores: Readonly<Record<Parameter, number>>;
  readonly total: number;
  /** The highest of one parameter. */
  readonly highest: number;
}

export function news2Of(inputs: Inputs, scale: Scale): Score {
  const saturation = whole(inputs['oxygen-saturation']);
  const saturationBands = scale === 1 ? scale1 : inputs.oxygen ? scale2OnOxygen : scale2OnAir;
  const scores = {
    'respiratory-rate': scoreIn(bands['respiratory-rate'], whole(inputs['respiratory-rate'])),
    'oxygen-saturation': scoreIn(saturationBands, saturation),
    oxygen: inputs.oxygen ? 2 : 0,
    'systolic-pressure': scoreIn(bands['systolic-pressure'], whole(inputs['systolic-pressure'])),
    pulse: scoreIn(bands.pulse, whole(inputs.pulse)),
    consciousness: inputs.consciousness === 'A' ? 0 : 3,
    temperature: scoreIn(bands.temperature, tenths(inputs.temperature)),
  };
  const all = Object.values(scores);
  return { scores, total: all.reduce((sum, score) => sum + score, 0), highest: Math.max(...all) };
}
