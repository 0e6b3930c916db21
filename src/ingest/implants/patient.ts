/** A Patient that a feed names and the store lacks. https://hl7.org/fhir/R4/patient.html */
import { primitives } from '../../fhir/primitives.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { asNew, clean, filled, put, stableId } from '../intake/entries.ts';
import type { PatientTold } from './told.ts';

const genders = new Set(['male', 'female', 'other', 'unknown']);
const types = new Set(['MR', 'PI', 'SS', 'DL', 'PPN', 'JHN', 'NI', 'AN', 'PT', 'MC', 'MA', 'SB', 'TAX']);

/** The same for whoever is told of first by the same identifier. */
export function newPatient(told: PatientTold): { readonly reference: string; readonly entry: Entry } {
  const named = told.identifiers.filter(({ value, type }) => value.trim() !== '' && type !== 'U');
  const [first] = named;
  const id = stableId(0, 'patient', first?.system ?? '', first?.value ?? '');
  const family = clean(told.family, 200);
  const given = (told.given ?? []).flatMap((one) => clean(one, 200) ?? []);
  const patient = filled({
    resourceType: 'Patient',
    id,
    identifier: named.map(({ system, value, type }) =>
      filled({
        type:
          type !== undefined && types.has(type)
            ? { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: type }] }
            : undefined,
        system,
        value: clean(value, 500),
      }),
    ),
    name: family === undefined && given.length === 0 ? undefined : [filled({ family, given })],
    gender: told.gender !== undefined && genders.has(told.gender) ? told.gender : undefined,
    birthDate: isDate(told.birthDate) ? told.birthDate : undefined,
  });
  return { reference: `Patient/${id}`, entry: put(patient, asNew) };
}

/** What a patient is called, by system. */
export const namesOf = ({ identifiers }: PatientTold): Readonly<Record<string, string>> =>
  Object.fromEntries(identifiers.filter(({ type }) => type !== 'U').map(({ system = '', value }) => [system, value]));

/** A FHIR date of any precision. */
const isDate = (text: string | undefined): text is string =>
  text !== undefined && primitives.get('date')!.accepts(text);
/** A FHIR dateTime of any precision. */
export const isDateTime = (text: string | undefined): text is string =>
  text !== undefined && primitives.get('dateTime')!.accepts(text);
