/** Filters that several tables share. https://hl7.org/fhir/R4/search.html */
import { problem } from '../../fhir/outcome.ts';
import { ofDevice } from '../cardiac/lists.ts';
import { patientNamed } from '../cardiac/patient.ts';
import type { Table } from './table.ts';

type Filter = Table['filters'][string];

/** By a value of Patient.identifier; nothing matches a patient that is not there for the caller. */
export const byPatient =
  (parameter: string): Filter =>
  async (value, { search }) => {
    try {
      return [[parameter, (await patientNamed(value, search)).reference]];
    } catch (error) {
      if ((error as { status?: number }).status === 404) return undefined;
      throw error;
    }
  };

/** By a value of Device.identifier. */
export const byDevice =
  (parameter: string): Filter =>
  async (value, { search }) => {
    const devices = await ofDevice(value, search);
    return devices === undefined ? undefined : [[parameter, devices]];
  };

export const one =
  (words: Readonly<Record<string, string>>, parameter: string, system = ''): Filter =>
  (value) => {
    const codes = Object.entries(words)
      .filter(([, word]) => word === value)
      .map(([code]) => `${system}${code}`);
    if (codes.length === 0)
      throw problem('value', `the column takes ${[...new Set(Object.values(words))].join(', ')}`, {
        expression: parameter,
      });
    return [[parameter, codes.join(',')]];
  };
