/** The cardiac integration in the customer's words: devices, readings and alerts of a patient, runs, status, acknowledgements. docs/cardiac.md */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { writeExact } from '../../fhir/json.ts';
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import { onlyAdministrator } from '../../http/admin-desk.ts';
import { visitOf } from '../../http/app.ts';
import { send } from '../../http/respond.ts';
import type { Feeds, MakerStatus } from '../../ingest/feeds/feeds.ts';
import type { Mapping } from '../../ingest/mapping.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import { demandPermitted, demandTypes } from '../../interactions/permit.ts';
import { queryOf } from '../../interactions/route.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import { alertDeeds } from './alert-deeds.ts';
import { askedIn, limitOf } from './asked.ts';
import { type Search, searchFor } from './asker.ts';
import { readingKinds } from './kinds.ts';
import { lists } from './lists.ts';
import { patientNamed } from './patient.ts';
import { createRows } from './rows.ts';
import { deviceWords, jobWords, makerWords, overall } from './status-words.ts';

export interface CardiacDoor {
  readonly dispatch: Dispatch;
  readonly store: Pick<Store, 'search' | 'vread' | 'end'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
  /** FHIR base. */
  readonly base: string;
  readonly feeds: Feeds;
  readonly mapping: Pick<Mapping, 'spec'>;
}

/** What is below /cardiac besides credentials; whoever asks has been identified. */
export function cardiacRouter(door: CardiacDoor): Router {
  const { dispatch, store, runtime, canonical, base, feeds } = door;
  const kinds = readingKinds(door.mapping, canonical);
  const rows = createRows({ canonical, kinds, makerOf: feeds.makerOf });
  const own = base.replace(/\/fhir$/, '');

  const searchOf = (request: Request, response: Response): Search => searchFor(dispatch, request, response, base);

  const answer = (request: Request, response: Response, status: number, value: object, headers = {}): void =>
    send(request, response, status, writeExact(value), {
      'Content-Type': 'application/json; charset=utf-8',
      'X-Request-Id': visitOf(response).requestId,
      ...headers,
    });

  const listOf =
    (name: keyof typeof lists): RequestHandler =>
    async (request, response) => {
      const { needs, takes, list } = lists[name];
      demandTypes(needs, visitOf(response).caller);
      const asked = askedIn(request, takes);
      const search = searchOf(request, response);
      const patient = await patientNamed(request.params.patient_id as string, search);
      const { total, items, next } = await list(patient, asked, search, { canonical, kinds, rows });
      const path = `${own}/cardiac/patients/${encodeURIComponent(request.params.patient_id as string)}/${name}`;
      const { page: _, ...same } = asked;
      const link = next === undefined ? null : `${path}?${queryOf(Object.entries({ ...same, page: next }) as any)}`;
      answer(request, response, 200, { patient_id: patient.patientId, total, [name]: items, next: link });
    };

  /** What a device or a patient has no business with, whatever it may read. */
  function demandStaff(response: Response): void {
    const { caller } = visitOf(response);
    demandPermitted({ interaction: 'search-type', type: 'Device' }, caller);
    if (['Device', 'Patient', 'RelatedPerson'].includes(keyOf(caller.who)?.type ?? ''))
      throw problem('forbidden', 'this is not for devices and patients');
  }

  /** The maker's own name of the patient, where one of ours has it. */
  const makersPatient = (patientId: string, { identifier = [] }: any): string => {
    const systems = feeds.makers().map((maker) => `${canonical}/sid/${maker}-patient`);
    const own: readonly string[] = identifier
      .filter(({ system }: any) => systems.includes(system))
      .map(({ value }: any) => value);
    return own.includes(patientId) ? patientId : (own[0] ?? patientId);
  };

  const ingest: RequestHandler = async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    const { patientId, resource } = await patientNamed(
      request.params.patient_id as string,
      searchOf(request, response),
    );
    const job = await feeds.ingest(makersPatient(patientId, resource));
    const patients = `Patient/${resource.id}`;
    await visitOf(response).record({ interaction: 'cardiac-ingest', status: 202, target: patients, patients });
    const location = `${own}/cardiac/jobs/${job.id}`;
    answer(request, response, 202, { ...jobWords(job), status_url: location }, { Location: location });
  };

  const job: RequestHandler = async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    const found = await feeds.job(request.params.job_id as string);
    const absent = () => problem('not-found', 'no such job is known; ended ones are forgotten after a week');
    if (!found) throw absent();
    // Asked for by whoever may see the patient, and told to nobody else.
    await patientNamed(found.patient, searchOf(request, response)).catch((error) => {
      throw error?.status === 404 ? absent() : error;
    });
    answer(request, response, 200, jobWords(found));
  };

  const status: RequestHandler = async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    let makers: readonly MakerStatus[] = [];
    let isStoreUp = true;
    try {
      await store.end();
      makers = await feeds.status();
      await visitOf(response).record({ interaction: 'cardiac-status', action: 'R', status: 200 });
    } catch (error) {
      // The one fault that is an answer here; the log tells which.
      response.locals['visit'].error = error;
      isStoreUp = false;
    }
    const now = runtime.now();
    const words = {
      status: overall(makers, isStoreUp),
      database: isStoreUp ? 'up' : 'down',
      checked_at: new Date(now).toISOString(),
      manufacturers: makers.map((one) => makerWords(one, now)),
    };
    answer(request, response, isStoreUp ? 200 : 503, words);
  };

  /** Of each device of a maker; names devices and patients of everybody. */
  const deviceStatus: RequestHandler = async (request, response) => {
    const maker = feeds.makerOf(request.params.manufacturer as string);
    if (maker === undefined) throw problem('not-found', `no such maker; known are ${feeds.makers().join(', ')}`);
    const asked = askedIn(request, ['limit', 'page']);
    const limit = limitOf(asked);
    const found = await feeds.devices(maker, asked.page, limit + 1);
    const devices = found.slice(0, limit).map(deviceWords);
    const deed = { interaction: 'cardiac-status', action: 'R', status: 200, target: 'Device' };
    await visitOf(response).record(deed);
    const query = queryOf([
      ['limit', `${limit}`],
      ['page', devices.at(-1)?.device_id ?? ''],
    ]);
    const next = found.length > limit ? `${own}/cardiac/status/${maker}/devices?${query}` : null;
    answer(request, response, 200, { manufacturer: maker, devices, next });
  };

  const only = (method: string) => () => {
    throw problem('not-supported', `Only ${method} is offered here`, { status: 405, headers: { Allow: method } });
  };

  const router = Router({ caseSensitive: true });
  for (const name of ['devices', 'readings', 'alerts'] as const)
    router.route(`/patients/:patient_id/${name}`).get(listOf(name)).all(only('GET, HEAD'));
  router.route('/patients/:patient_id/ingest').post(ingest).all(only('POST'));
  router.route('/jobs/:job_id').get(job).all(only('GET, HEAD'));
  router.route('/status').get(status).all(only('GET, HEAD'));
  router.route('/status/:manufacturer/devices').get(onlyAdministrator, deviceStatus).all(only('GET, HEAD'));
  const { acknowledgeAlert, undoAcknowledge, resolveAlert } = alertDeeds(door, { rows, searchOf, answer });
  router.route('/alerts/:alert_id/acknowledge').post(acknowledgeAlert).all(only('POST'));
  router.route('/alerts/:alert_id/acknowledge/undo').post(undoAcknowledge).all(only('POST'));
  router.route('/alerts/:alert_id/resolve').post(resolveAlert).all(only('POST'));
  return router;
}
