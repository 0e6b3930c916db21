/** What a maker's pages or an IDCO message tell about an implant, in the words of this house. Digits are strings, as sent. docs/implants.md */

export type ImplantType = 'pacemaker' | 'icd' | 'crt-p' | 'crt-d' | 'loop-recorder' | 'remote-monitor' | 'other';

/** Where a lead or a channel is: right and left atrium and ventricle, high voltage. */
export type Channel = 'RA' | 'RV' | 'LA' | 'LV' | 'HV' | (string & {});

export interface Udi {
  readonly deviceIdentifier?: string;
  /** Human readable form, as on the label. */
  readonly carrier?: string;
  /** URL of the system that issued it: `http://hl7.org/fhir/NamingSystem/gs1`. */
  readonly issuer?: string;
}

export interface Lead {
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serial?: string;
  readonly location?: Channel;
  readonly polarity?: string;
  readonly connection?: string;
  /** FHIR date, partial ones kept. */
  readonly implanted?: string;
}

/** What carries the data home: a bedside box or a phone. */
export interface Monitor {
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serial: string;
}

export interface Implant {
  /** Name of the maker's folder below mappings/, or of the feed. */
  readonly maker: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  /** As the maker calls it. */
  readonly deviceId?: string;
  readonly type: ImplantType;
  /** FHIR date, partial ones kept. */
  readonly implanted?: string;
  readonly explanted?: string;
  readonly status: 'active' | 'inactive' | 'unknown';
  readonly leads?: readonly Lead[];
  readonly monitor?: Monitor;
  readonly udi?: Udi;
  /** Of a home monitor: the maker's id of the implant that it speaks for. */
  readonly parent?: string;
  /** When the maker last heard of it: a FHIR dateTime with zone. */
  readonly lastContact?: string;
}

export interface PatientTold {
  /** Without those that name the device (PID-3 of type U). */
  readonly identifiers: readonly { readonly system?: string; readonly value: string; readonly type?: string }[];
  readonly family?: string;
  readonly given?: readonly string[];
  readonly birthDate?: string;
  readonly gender?: string;
}

/** One term of the IDC nomenclature, or of a maker, with its value. */
export interface Term {
  /** The number (`721344`); of a maker's own term whatever it is called. */
  readonly code: string;
  readonly name?: string;
  /** OBX-4: which lead, zone, episode. */
  readonly instance?: number;
  /** `unit` as sent: UCUM, or one of the spellings that terms.ts knows (`bpm`, `ohms`). */
  readonly quantity?: {
    readonly value: string;
    readonly unit: string;
    readonly comparator?: '<' | '>' | '<=' | '>=';
  };
  readonly coded?: { readonly code: string; readonly system?: string; readonly display?: string };
  readonly text?: string;
  readonly dateTime?: string;
  /** Code of http://terminology.hl7.org/CodeSystem/data-absent-reason. */
  readonly absent?: string;
  readonly questionable?: true;
  /** A term of the maker's own: kept, with a system of ours. */
  readonly vendor?: true;
}

export interface Reading {
  /** The maker's. */
  readonly id?: string;
  /** `reading_type` of the customer's tables: heart_rate, battery_voltage, lead_impedance. */
  readonly kind: string;
  readonly channel?: Channel;
  /** A live heart rate has the code 147842, a statistic one of the IDC nomenclature (737651). */
  readonly term: Term;
  /** With zone, as sent. */
  readonly timestamp: string;
  readonly instant: number;
}

/** A strip of an electrogram. */
export interface Strip {
  readonly id: string;
  /** With zone, as sent. */
  readonly at: string;
  readonly instant: number;
  /** Milliseconds from one sample to the next, as a number in text. */
  readonly period: string;
  /** Samples, as numbers in text; `E`, `L` and `U` as in SampledData. */
  readonly samples: readonly string[];
  /** UCUM unit of the samples; `mV` where left out. */
  readonly unit?: string;
  /** What a sample is to be multiplied with; 1 where left out. */
  readonly factor?: string;
  readonly channel?: Channel;
  readonly title?: string;
}

export interface Interrogation {
  /** Transmission id, else `<device>|<instant>`. */
  readonly id: string;
  /** With zone, as sent. */
  readonly at: string;
  readonly instant: number;
  readonly session?: string;
  readonly status: 'final' | 'preliminary' | 'corrected';
  readonly terms: readonly Term[];
  readonly report?: ReportTold;
  readonly strips?: readonly Strip[];
}

export interface ReportTold {
  readonly contentType: string;
  /** Base64. */
  readonly data: string;
  readonly title?: string;
  /** The maker's id of the transmission, where the occasion has another name. */
  readonly transmission?: string;
}

/** The report of what was told in readings: it belongs to all of their instant. */
export interface LateReport extends Pick<Reading, 'timestamp' | 'instant'> {
  readonly report: ReportTold;
}

export interface AlertTold {
  readonly id: string;
  /** The maker's code. */
  readonly code: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly message: string;
  /** With zone, as sent. */
  readonly at: string;
  readonly acknowledged: boolean;
  /** A code of profiles/CodeSystem-alert-type.json; any other is kept as `device-alert`. */
  readonly kind: string;
}

/** https://hl7.org/fhir/uv/cardx-cied: whether the home monitor of an implant reaches its maker. */
export interface Connectivity {
  readonly status: 'connected' | 'disconnected' | 'not-applicable';
  readonly modifier?: 'setup-not-completed' | 'suspended' | 'inactive' | 'unenrolled' | 'transferred';
  /** FHIR dateTimes, as sent. */
  readonly last?: string;
  readonly next?: string;
}

export interface Told {
  readonly implant: Implant;
  readonly patient: PatientTold;
  readonly interrogations: readonly Interrogation[];
  readonly readings: readonly Reading[];
  readonly alerts: readonly AlertTold[];
  readonly reports?: readonly LateReport[];
  readonly connectivity?: Connectivity;
  /** What was taken for granted in reading it, in sentences: for Provenance. */
  readonly assumptions?: readonly string[];
}
