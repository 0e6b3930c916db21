/** What the pages of devices ask for: `GET /console/api/triage`, `GET /console/api/patients/{id}`, as JSON with the caller's own access. docs/dashboard.md */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Limits } from '../../alerts/thresholds.ts';
import { parseExact, writeExact } from '../../fhir/json.ts';
import { visitOf } from '../../http/app.ts';
import { send } from '../../http/respond.ts';
import type { Mapping } from '../../ingest/mapping.ts';
import { insideRequest } from '../../interactions/inside.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Runtime } from '../../runtime.ts';
import type { Look } from '../../store/store.ts';
import { askedIn } from '../../translators/cardiac/asked.ts';
import { originOf, searchFor } from '../../translators/cardiac/asker.ts';
import { readingKinds } from '../../translators/cardiac/kinds.ts';
import { createRows } from '../../translators/cardiac/rows.ts';
import { demandStaff } from '../staff.ts';
import { chart, patientOf, valuesAsCsv } from './chart.ts';
import { evidence } from './evidence.ts';
import { mrnOf } from './people.ts';
import { documentOf } from './reports.ts';
import { triage } from './triage.ts';

export interface ApiParts {
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
  /** FHIR base. */
  readonly base: string;
  readonly mapping: Pick<Mapping, 'spec'>;
  readonly limitsOf: (patient: string) => Promise<readonly Limits[]>;
  /** For the documents of reports that the caller was given. */
  readonly store: Pick<Look, 'read'>;
}

export function cardiacApi({ dispatch, runtime, canonical, base, mapping, limitsOf, store }: ApiParts): RequestHandler {
  const kinds = readingKinds(mapping, canonical);
  const rows = createRows({ canonical, kinds, makerOf: () => undefined });
  const setting = () => ({ canonical, rows, kinds, now: runtime.now(), limitsOf });

  const answer = (request: Request, response: Response, value: object): void =>
    send(request, response, 200, writeExact(value), {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Request-Id': visitOf(response).requestId,
    });

  const router = Router({ caseSensitive: true });
  router.get('/triage', async (request, response) => {
    const one = askedIn(request, ['flag', 'task']);
    demandStaff(response);
    const search = searchFor(dispatch, request, response, base);
    answer(request, response, await triage(search, { ...setting(), me: visitOf(response).caller.who }, one));
  });
  router.get('/patients/:patient_id', async (request, response) => {
    const { hours } = askedIn(request, ['hours']);
    demandStaff(response);
    const search = searchFor(dispatch, request, response, base);
    answer(request, response, await chart(request.params.patient_id, hours, search, setting()));
  });
  router.get('/patients/:patient_id/values', async (request, response) => {
    const { hours } = askedIn(request, ['hours']);
    demandStaff(response);
    const search = searchFor(dispatch, request, response, base);
    send(request, response, 200, await valuesAsCsv(request.params.patient_id, hours, search, setting()), {
      'Content-Type': 'text/csv; charset=utf-8; header=present',
      'Cache-Control': 'no-store',
      'X-Request-Id': visitOf(response).requestId,
    });
  });
  // A read of its own, so that the trail tells who looked.
  const readFor = (request: Request, response: Response, type: string, id: string) =>
    dispatch(
      insideRequest(originOf(request, response, base), { interaction: 'read', type, id }),
      visitOf(response).caller,
    );
  router.get('/patients/:patient_id/mrn', async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    const search = searchFor(dispatch, request, response, base);
    const patient = await patientOf(request.params.patient_id, search);
    await readFor(request, response, 'Patient', patient.id);
    answer(request, response, { mrn: mrnOf(patient) });
  });
  router.get('/reports/:id', async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    const { text, version } = await readFor(request, response, 'DiagnosticReport', request.params.id);
    const document = await documentOf(parseExact((text ?? version?.text)!), canonical, store);
    send(request, response, 200, document, {
      'Content-Type': 'application/octet-stream',
      'X-Request-Id': visitOf(response).requestId,
    });
  });
  router.get('/evidence', async (request, response) => {
    const { flag = '' } = askedIn(request, ['flag']);
    demandStaff(response);
    answer(request, response, await evidence(searchFor(dispatch, request, response, base), setting(), flag));
  });
  return router;
}
