/** The pages on which somebody who has signed in decides for an app, as they are shown: patients, encounters, consent. */
import type { Request, Response } from 'express';
import type { Asked } from '../../authorization/interaction.ts';
import { kindOf } from '../../scopes/words.ts';
import type { Session } from '../../users/sessions.ts';
import { chooseEncounter, choosePatient, type PatientRow, type PatientSearch } from '../choose.ts';
import { consent } from '../consent.ts';
import { sendPage } from '../serve.ts';
import type { Desk, Form } from './desk.ts';
import { type Found, faultsOf, type Subjects } from './subjects.ts';
import { patientWords, placeOf, schemeOf, shownScope } from './words.ts';

/** Somebody signed in on the way to an app. */
export interface Visitor {
  readonly asked: Asked;
  readonly session: Session;
  readonly subjects: Subjects;
  readonly path: string;
}

/** Ids that were chosen, and what they are called; of no meaning where an EHR named them. */
export interface Chosen {
  readonly patient?: PatientRow;
  readonly encounter?: { readonly id: string; readonly words: string };
}

const searchedNothing: PatientSearch = { name: '', birthdate: '', identifier: '' };

const searchIn = (form: Form): PatientSearch => ({
  name: form.text('name').trim(),
  birthdate: form.text('birthdate').trim(),
  identifier: form.text('identifier').trim(),
});

/** `failed`: what is said of the answer before this page. */
export interface Decisions {
  patients(
    visitor: Visitor,
    form: Form | undefined,
    request: Request,
    response: Response,
    failed?: string,
  ): Promise<void>;
  encounters(visitor: Visitor, patient: PatientRow, page: string, request: Request, response: Response): Promise<void>;
  consent(visitor: Visitor, chosen: Chosen, request: Request, response: Response, failed?: string): void;
}

export function createDecisions(desk: Pick<Desk, 'csrfFor' | 'offlineDays'>): Decisions {
  const common = ({ asked, session }: Visitor, request: Request, response: Response) => ({
    csrf: desk.csrfFor(request, response),
    app: asked.client.metadata.client_name,
    who: session.user.login,
  });
  const send = ({ asked }: Visitor, response: Response, page: string, status = 200) =>
    sendPage(response, page, { status, returns: schemeOf(asked.redirectUri) });

  return {
    async patients(visitor, form, request, response, failed) {
      const { path, subjects } = visitor;
      const asked = form ? searchIn(form) : searchedNothing;
      const page = form?.text('page') ?? '';
      const faults = faultsOf(asked);
      const found: Found<PatientRow> = faults ? { rows: [] } : await subjects.patients(asked, page);
      const shown = choosePatient({
        ...common(visitor, request, response),
        action: `${path}/patient`,
        search: `${path}/patients`,
        asked,
        faults,
        ...found,
        isLater: page !== '',
        failed,
      });
      send(visitor, response, shown, faults || failed !== undefined ? 400 : 200);
    },

    async encounters(visitor, patient, page, request, response) {
      const { path, subjects } = visitor;
      const query = `?patient=${encodeURIComponent(patient.id)}`;
      const shown = chooseEncounter({
        ...(await subjects.encounters(patient.id, page)),
        ...common(visitor, request, response),
        action: `${path}/encounter${query}`,
        more: `${path}/encounters${query}`,
        patient: patientWords(patient),
        isLater: page !== '',
      });
      send(visitor, response, shown);
    },

    consent(visitor, { patient, encounter }, request, response, failed) {
      const { asked, path } = visitor;
      const shown = consent({
        ...common(visitor, request, response),
        action: `${path}/consent`,
        returnsTo: placeOf(asked.redirectUri),
        patient: patient && patientWords(patient),
        encounter: encounter?.words,
        chosen: {
          ...(asked.needsPatient && patient && { patient: patient.id }),
          ...(asked.needsEncounter && { encounter: encounter?.id ?? '' }),
        },
        scopes: asked.scopes
          .filter((scope) => kindOf(scope) !== 'launch')
          .map((scope) => shownScope(scope, desk.offlineDays)),
        failed,
      });
      send(visitor, response, shown, failed === undefined ? 200 : 400);
    },
  };
}
