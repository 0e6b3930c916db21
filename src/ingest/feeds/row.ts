/** What the rows of a maker say, once they are read: patients, devices, readings, alerts. docs/add-a-maker.md */
import type { AlertTold, Connectivity, Implant, PatientTold, Reading, Strip } from '../implants/told.ts';
import type { Aside } from './values.ts';

export interface PatientRow {
  readonly id: string;
  readonly told: PatientTold;
  /** Changes with anything about the patient's devices; undefined where the maker does not say. */
  readonly changed: string | undefined;
}

export interface DeviceRow {
  readonly id: string;
  readonly implant: Implant;
  readonly changed: string | undefined;
}

export interface Read {
  /** Tells the row from every other of its device. */
  readonly key: string;
  readonly device: string;
  readonly reading: Reading;
  readonly strip?: Strip;
  /** The maker's id of the transmission that has a report. */
  readonly transmission?: string;
  readonly assumptions: readonly string[];
}

export interface KeptAside extends Aside {
  /** What of it can be told all the same: something of this kind did come for that time. */
  readonly mark?: { readonly kind: string; readonly instant: number };
  readonly key: string;
  readonly device: string;
  readonly row: unknown;
}

export interface ReadAlert {
  readonly device: string;
  readonly alert: AlertTold;
}

export interface DeviceState {
  readonly status?: Implant['status'];
  readonly lastContact?: string;
  readonly connectivity?: Connectivity;
}
