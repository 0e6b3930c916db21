/** Who is in the play: patients and implants of a simulated maker. The first eight are written by hand, the others follow from the seed. domain.md 2.11 */
import { drawn, oneOf } from '../chance.ts';

export type Channel = 'RA' | 'RV' | 'LV' | 'HV';
export type Kind = 'pacemaker' | 'icd' | 'crt-p' | 'crt-d' | 'loop-recorder' | 'remote-monitor';

export interface Lead {
  readonly channel: Channel;
  readonly model: string;
  readonly serial: string;
  readonly polarity: 'bipolar' | 'quadripolar';
  readonly implanted: string;
}

export interface SimDevice {
  readonly id: string;
  readonly patient: string;
  readonly kind: Kind;
  readonly model: string;
  readonly serial: string;
  /** A date; absent for what is not implanted. */
  readonly implanted?: string;
  readonly explanted?: string;
  readonly leads: readonly Lead[];
  /** As on the label; of implants. */
  readonly udi?: { readonly di: string; readonly carrier: string };
  /** Of a monitor beside the bed: id of the implant that it speaks for. */
  readonly speaksFor?: string;
  /** Ms between two transmissions. */
  readonly cadence: number;
  /** Each state lasts so many transmissions, then comes the next, round and round. */
  readonly script: readonly { readonly state: State; readonly transmissions: number }[];
  /** Right ventricular lead whose impedance stands out of range since before the first reading. */
  readonly hasBrokenLead?: true;
}

const states = ['active', 'inactive', 'low-battery', 'disconnected', 'explanted'] as const;
/** What the maker says about a device, in the house's words; each dialect has its own. */
export type State = (typeof states)[number];

export function stateNamed(name: unknown): State {
  const state = states.find((one) => one === name);
  if (state === undefined) throw new Error(`a state is one of ${states.join(', ')}`);
  return state;
}

export interface SimPatient {
  readonly id: string;
  readonly family: string;
  readonly given: string;
  readonly birthDate: string;
  readonly gender: 'male' | 'female';
  readonly devices: readonly SimDevice[];
}

/** How a maker names its patients, devices and models. The customer's own John Doe and Jane Smith are where they are called PAT. */
export interface House {
  readonly patientPrefix: string;
  readonly devicePrefix: string;
  readonly models: Readonly<Record<Kind, readonly string[]>>;
}

const HOUR = 3_600_000;
const steady = [{ state: 'active', transmissions: 1 }] as const;

const families =
  'Abara Bianchi Castillo Dubois Eriksen Farrell Grigoryan Haddad Ivanova Jansen Kowalski Lindqvist'.split(' ');
const givens = {
  female: 'Amara Beatriz Clara Dagny Elif Fatima Greta Hana'.split(' '),
  male: 'Anton Bruno Cyrus Dmitri Emeka Felix Gustav Hamid'.split(' '),
};

interface Part {
  readonly kind: Kind;
  readonly implanted?: string;
  readonly explanted?: string;
  readonly script?: SimDevice['script'];
  readonly hasBrokenLead?: true;
}

type Role = Omit<SimPatient, 'id' | 'devices'> & { readonly parts: readonly Part[] };

/** PAT001 and PAT002 are those of the customer; the others each show one thing that real fleets have. */
const roles: readonly Role[] = [
  {
    ...{ family: 'Doe', given: 'John', birthDate: '1962-02-14', gender: 'male' },
    parts: [{ kind: 'icd', implanted: '2023-03-15', hasBrokenLead: true }],
  },
  {
    ...{ family: 'Smith', given: 'Jane', birthDate: '1955-09-03', gender: 'female' },
    parts: [{ kind: 'pacemaker', implanted: '2021-06-22' }],
  },
  {
    // Two devices: an implant, and the monitor beside the bed that comes and goes.
    ...{ family: 'Nakamura', given: 'Kenji', birthDate: '1948-12-01', gender: 'male' },
    parts: [
      { kind: 'pacemaker', implanted: '2020-01-30' },
      {
        kind: 'remote-monitor',
        script: [
          { state: 'active', transmissions: 6 },
          { state: 'disconnected', transmissions: 2 },
        ],
      },
    ],
  },
  {
    // Exchanged: the old one explanted, the new one in its place.
    ...{ family: 'Osei', given: 'Abena', birthDate: '1941-05-19', gender: 'female' },
    parts: [
      {
        kind: 'icd',
        implanted: '2014-04-08',
        explanted: '2024-10-02',
        script: [{ state: 'explanted', transmissions: 1 }],
      },
      { kind: 'icd', implanted: '2024-10-02' },
    ],
  },
  {
    ...{ family: 'Rossi', given: 'Marco', birthDate: '1957-07-27', gender: 'male' },
    parts: [{ kind: 'crt-d', implanted: '2022-11-11' }],
  },
  {
    ...{ family: 'Nilsen', given: 'Astrid', birthDate: '1970-03-08', gender: 'female' },
    parts: [{ kind: 'loop-recorder', implanted: '2024-05-16' }],
  },
  {
    ...{ family: 'Petrov', given: 'Ilya', birthDate: '1939-10-25', gender: 'male' },
    parts: [
      {
        kind: 'pacemaker',
        implanted: '2013-02-04',
        script: [{ state: 'low-battery', transmissions: 1 }],
      },
    ],
  },
  {
    // The day of implantation is not known.
    ...{ family: 'Mbeki', given: 'Thandi', birthDate: '1966-01-17', gender: 'female' },
    parts: [{ kind: 'crt-p', implanted: '2019-08' }],
  },
];

export const written = roles.length;

const channelsOf: Readonly<Record<Kind, readonly Channel[]>> = {
  pacemaker: ['RA', 'RV'],
  icd: ['RA', 'RV', 'HV'],
  'crt-p': ['RA', 'RV', 'LV'],
  'crt-d': ['RA', 'RV', 'LV', 'HV'],
  'loop-recorder': [],
  'remote-monitor': [],
};

/** A GTIN-14 with its check digit, and with the serial number behind it. https://www.gs1.org/standards/barcodes/application-identifiers */
function udiOf(model: number, kind: Kind, serial: string): NonNullable<SimDevice['udi']> {
  const digits = `00802526${String(100 * Object.keys(channelsOf).indexOf(kind) + model).padStart(5, '0')}`;
  const sum = [...digits].reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 3 : 1), 0);
  const di = `${digits}${(10 - (sum % 10)) % 10}`;
  return { di, carrier: `(01)${di}(21)${serial}` };
}

function roleOf(number: number, seed: number): Role {
  const gender = oneOf(['female', 'male'] as const, seed, 'gender', number);
  const kind = oneOf(
    ['pacemaker', 'pacemaker', 'icd', 'icd', 'crt-d', 'crt-p', 'loop-recorder'] as const,
    seed,
    'kind',
    number,
  );
  const day = (year: number, what: string) =>
    new Date(
      Date.UTC(
        year,
        Math.floor(12 * drawn(seed, what, 'month', number)),
        1 + Math.floor(28 * drawn(seed, what, 'day', number)),
      ),
    )
      .toISOString()
      .slice(0, 10);
  return {
    family: oneOf(families, seed, 'family', number),
    given: oneOf(givens[gender], seed, 'given', number),
    birthDate: day(1935 + Math.floor(45 * drawn(seed, 'birth', number)), 'born'),
    gender,
    parts: [{ kind, implanted: day(2018 + Math.floor(7 * drawn(seed, 'year', number)), 'implanted') }],
  };
}

export interface Cast {
  /** How many patients there are; they are numbered from 1. */
  readonly size: number;
  patient(number: number): SimPatient;
  /** By the maker's ids. */
  patientOf(id: string): SimPatient | undefined;
  deviceOf(id: string): SimDevice | undefined;
}

/** Nothing of it is kept: ten thousand patients cost no memory. `speed` divides the time between two transmissions. */
export function createCast(house: House, seed: number, generated: number, speed: number): Cast {
  const size = written + generated;
  const patient = (number: number): SimPatient => {
    const { parts, ...role } =
      number > written
        ? roleOf(number, seed)
        : house.patientPrefix === 'PAT'
          ? roles[number - 1]!
          : { ...roleOf(number, seed), parts: roles[number - 1]!.parts };
    const id = `${house.patientPrefix}${String(number).padStart(3, '0')}`;
    const nameOf = (at: number) => `${String(number).padStart(5, '0')}${at + 1}`;
    const implantAt = parts.findIndex(({ kind }) => kind !== 'remote-monitor');
    const devices = parts.map((part, at): SimDevice => {
      const name = nameOf(at);
      const model = oneOf(house.models[part.kind], seed, 'model', name);
      const serial = String(100_000 + Math.floor(900_000 * drawn(seed, 'serial', name)));
      const isImplant = part.kind !== 'remote-monitor';
      return {
        id: `${house.devicePrefix}-${name}`,
        patient: id,
        kind: part.kind,
        model,
        serial,
        udi: isImplant ? udiOf(house.models[part.kind].indexOf(model), part.kind, serial) : undefined,
        speaksFor: isImplant ? undefined : `${house.devicePrefix}-${nameOf(implantAt)}`,
        implanted: part.implanted,
        explanted: part.explanted,
        leads: channelsOf[part.kind]
          .filter((channel) => channel !== 'HV')
          .map((channel) => ({
            channel,
            model: channel === 'LV' ? '4671' : channel === 'RA' ? '7840' : part.kind.includes('d') ? '0672' : '7841',
            serial: String(100_000 + Math.floor(900_000 * drawn(seed, 'lead', name, channel))),
            polarity: channel === 'LV' ? 'quadripolar' : 'bipolar',
            implanted: part.implanted!,
          })),
        cadence: (number <= written ? HOUR : 24 * HOUR) / speed,
        script: part.script ?? steady,
        hasBrokenLead: part.hasBrokenLead,
      };
    });
    return { id, ...role, devices };
  };
  const numbered = (digits: string | undefined) => {
    const number = Number(digits);
    return Number.isInteger(number) && number >= 1 && number <= size ? patient(number) : undefined;
  };
  const patientOf = (id: string) => {
    const found = id.startsWith(house.patientPrefix) ? numbered(id.slice(house.patientPrefix.length)) : undefined;
    return found?.id === id ? found : undefined;
  };
  const deviceOf = (id: string) => numbered(/-(\d{5,})\d$/.exec(id)?.[1])?.devices.find((device) => device.id === id);
  return { size, patient, patientOf, deviceOf };
}

/** Channels that a device measures; `HV` is the shock coil. */
export const measured = (device: SimDevice): readonly Channel[] => channelsOf[device.kind];
