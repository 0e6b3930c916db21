/** How a simulated maker speaks: its paths, names, pages, dates and errors. Each dialect is written by hand, apart from mappings/, so that the two can disagree. */
import type { Channel, House, Kind, SimPatient, State } from './cast.ts';
import type { Quantity, SimAlert } from './timeline.ts';

export type Endpoint = 'patients' | 'devices' | 'readings' | 'alerts' | 'status' | 'acknowledge' | 'transmission';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** `{id}` stands for the id. */
  readonly path: string;
  /** The token must have it. */
  readonly scope: string;
  readonly paging?: 'cursor' | 'offset' | 'link';
  /** Name of the beginning of the window, and of its end. */
  readonly from?: string;
  /** Of a transmission, where the caller names none. */
  readonly format?: 'pdf';
}

/** What of a device is told in its own row and in its status. */
export interface DeviceTold {
  readonly id: string;
  readonly kind: Kind;
  readonly model: string;
  readonly serial: string;
  readonly implanted?: string;
  readonly explanted?: string;
  readonly state: State;
  /** In the maker's own dates, as are the others. */
  readonly lastNews: unknown;
  readonly battery?: { readonly voltage: unknown; readonly level: unknown; readonly at: unknown };
  readonly leads: readonly {
    readonly channel: Channel;
    readonly model: string;
    readonly serial: string;
    readonly implanted: string;
    readonly polarity: string;
  }[];
  readonly udi?: { readonly di: string; readonly carrier: string };
  readonly speaksFor?: string;
  /** Where it was given to this patient after the first day. */
  readonly since?: unknown;
}

export interface TransmissionTold {
  readonly id: string;
  readonly device: string;
  readonly at: unknown;
  readonly hl7: string;
  readonly pdf: string;
}

export interface Dialect {
  readonly name: string;
  readonly manufacturer: string;
  readonly house: House;
  readonly tokenPath: string;
  readonly keyHeader: string;
  readonly scopes: readonly string[];
  readonly routes: Readonly<Partial<Record<Endpoint, Route>>>;
  /** Member that holds the rows; '' where the body is the list. */
  readonly items: Readonly<Record<'patients' | 'devices' | 'readings' | 'alerts', string>>;
  readonly cursorName: string;
  readonly limitName: string;
  /** The members of a page beside its rows. */
  page(next: string | null): object;
  date(at: number): unknown;
  /** Without a zone, in the zone that the maker means. */
  naive(at: number): unknown;
  /** Whether a client can know the zone, and read a comma. */
  readonly reads: { readonly naive: boolean; readonly comma: boolean };
  /** Silence of a device that is longer than this is a missing interval. */
  readonly missingAfterMinutes: number;
  error(code: string, text: string): object;
  patient(patient: SimPatient, lastNews: unknown): object;
  device(device: DeviceTold): object;
  status(device: DeviceTold): object;
  /** Names of the members of a reading, `.` between them, and its words. */
  readonly reading: {
    readonly fields: Readonly<Record<'id' | 'device' | 'kind' | 'channel' | 'value' | 'unit' | 'at', string>>;
    /** Member that names the transmission where it has a report. */
    readonly transmission?: string;
    /** What it does not tell is left out. */
    readonly kinds: Readonly<Partial<Record<Quantity, string>>>;
    readonly channels: Readonly<Record<Channel, string>>;
    strip?(microvolts: readonly number[]): object;
  };
  /** A transmission as JSON: the message without its report, and that in base64. */
  transmission?(of: TransmissionTold): object;
  alert(alert: SimAlert, at: unknown, isAcknowledged: boolean): object;
}

export const isoSeconds = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
