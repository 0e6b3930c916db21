/** Whom an app can be opened with: patients and encounters as the user may see them, through the one gate, told so that people know them apart. */
import type { Request, Response } from 'express';
import { asProblem } from '../../../fhir/outcome.ts';
import { isId } from '../../../fhir/references.ts';
import type { FhirRequest, Parameters } from '../../../interactions/interaction.ts';
import { escaped } from '../../../search/escapes.ts';
import { purposeOf } from '../../purposes.ts';
import { parseScope } from '../../scopes/scope.ts';
import type { User } from '../../users/user.ts';
import type { EncounterRow, PatientRow, PatientSearch } from '../choose.ts';
import type { Desk } from './desk.ts';

const PAGE = '10';

/** What it takes to look with a user's own Access. */
export type Sees = Pick<Desk, 'accessFor' | 'dispatch' | 'base' | 'visitOf' | 'addressOf'>;

export interface Found<T> {
  readonly rows: readonly T[];
  /** Names the page after this one. */
  readonly next?: string;
}

export interface Subjects {
  /** 400 where the page is none of this search. */
  patients(asked: PatientSearch, page: string): Promise<Found<PatientRow>>;
  encounters(patient: string, page: string): Promise<Found<EncounterRow>>;
  /** What the user may not see is as little there as what is not. */
  patient(id: string): Promise<PatientRow | undefined>;
  encounter(patient: string, id: string): Promise<EncounterRow | undefined>;
}

const rights = ['user/Patient.rs', 'user/Encounter.rs'].map((text) => parseScope(text)!);

/** `purposeOfUse`: of the token that this is for. */
export function subjectsFor(
  desk: Sees,
  user: User,
  request: Request,
  response: Response,
  purposeOfUse = purposeOf(undefined, user.roles),
): Subjects {
  async function ask(asked: Pick<FhirRequest, 'interaction' | 'type'> & Partial<FhirRequest>): Promise<any> {
    const { fhirUser: who, login, roles } = user;
    const grant = { who, client: 'watchfire', user: login, roles, scopes: rights, purposeOfUse, token: '' };
    const access = await desk.accessFor(grant);
    const answer = await desk.dispatch(
      {
        id: '',
        parameters: [],
        conditions: {},
        strict: true,
        base: desk.base,
        requestId: desk.visitOf(response).requestId,
        address: desk.addressOf(request),
        ...asked,
      },
      { who, access },
    );
    return JSON.parse(answer.text ?? answer.version!.text!);
  }

  async function search(type: string, parameters: Parameters, page: string): Promise<Found<any>> {
    const paged: Parameters = [...parameters, ['_count', PAGE], ...(page === '' ? [] : ([['_page', page]] as const))];
    const bundle = await ask({ interaction: 'search-type', type, parameters: paged });
    const link = bundle.link?.find(({ relation }: any) => relation === 'next')?.url;
    return {
      rows: (bundle.entry ?? [])
        .filter(({ search: { mode } }: any) => mode === 'match')
        .map(({ resource }: any) => resource),
      next: link && (new URL(link).searchParams.get('_page') ?? undefined),
    };
  }

  async function read(type: string, id: string): Promise<any> {
    if (!isId(id)) return undefined;
    return ask({ interaction: 'read', type, id }).catch((error: unknown) => {
      if (![403, 404, 410].includes(asProblem(error).status)) throw error;
    });
  }

  return {
    async patients(asked, page) {
      const { rows, next } = await search('Patient', criteriaOf(asked), page);
      return { rows: rows.map(patientRow), next };
    },
    async encounters(patient, page) {
      const { rows, next } = await search(
        'Encounter',
        [
          ['patient', `Patient/${patient}`],
          ['_sort', '-date'],
        ],
        page,
      );
      return { rows: rows.map(encounterRow), next };
    },
    async patient(id) {
      const patient = await read('Patient', id);
      return patient && patientRow(patient);
    },
    async encounter(patient, id) {
      const encounter = await read('Encounter', id);
      const isOfPatient = new RegExp(`(?:^|/)Patient/${patient}$`).test(encounter?.subject?.reference ?? '');
      return isOfPatient ? encounterRow(encounter) : undefined;
    },
  };
}

/** Each word of a name is to begin one of its parts. Signs that mean something in a search are meant as they were typed, but for the bar of an identifier. */
function criteriaOf({ name, birthdate, identifier }: PatientSearch): Parameters {
  const words = name
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 6);
  return [
    ...words.map((word) => ['name', escaped(word)] as const),
    ...(birthdate === '' ? [] : ([['birthdate', birthdate]] as const)),
    ...(identifier === '' ? [] : ([['identifier', identifier.split('|').map(escaped).join('|')]] as const)),
    ['_sort', words.length > 0 ? 'family' : '-_lastUpdated'],
  ];
}

/** Beside which field; undefined where it can be searched for. */
export function faultsOf({ birthdate }: PatientSearch): Partial<PatientSearch> | undefined {
  if (birthdate === '' || /^\d{4}(-\d\d(-\d\d)?)?$/.test(birthdate)) return undefined;
  return { birthdate: 'Give the date as year, month and day.' };
}

/** `Berg, Elin Margareta`, by the name in use. */
function nameIn(names: any): string {
  if (!Array.isArray(names)) return '';
  const name =
    ['official', 'usual', undefined].map((use) => names.find((one) => one?.use === use)).find(Boolean) ?? names[0];
  const given = [name?.given ?? []].flat().join(' ');
  const whole = [name?.family, given].filter((part) => typeof part === 'string' && part !== '').join(', ');
  return whole === '' ? String(name?.text ?? '') : whole;
}

function patientRow({ id, name, birthDate = '', gender = '', identifier = [] }: any): PatientRow {
  const [first] = [identifier].flat();
  const kind = first?.type?.text ?? first?.type?.coding?.[0]?.code;
  const shown = first?.value === undefined ? '' : [kind, first.value].filter(Boolean).join(' ');
  return { id, name: nameIn(name), birthDate: String(birthDate), gender: String(gender), identifier: String(shown) };
}

const minutes = (instant: unknown): string => String(instant).slice(0, 16).replace('T', ' ');

function encounterRow({ id, type, class: kind, status = '', period }: any): EncounterRow {
  const [first] = [type ?? []].flat();
  const words = first?.text ?? first?.coding?.[0]?.display ?? kind?.display ?? kind?.code ?? '';
  const { start, end } = period ?? {};
  const span =
    start && end
      ? `${minutes(start)} to ${minutes(end)}`
      : start
        ? `since ${minutes(start)}`
        : end
          ? `until ${minutes(end)}`
          : '';
  return { id, kind: String(words), status: String(status).replaceAll('-', ' '), period: span };
}
