/** The administrator's routes to what came in and could not be taken in: to see it, to try it again, to discard it. docs/hl7v2.md */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { appended } from '../audit/trail.ts';
import { problem } from '../fhir/outcome.ts';
import { payloadOf } from '../ingest/intake/payload.ts';
import { decision, type Quarantine, type QuarantineRow, type Retry } from '../ingest/intake/quarantine.ts';
import type { Store } from '../store/store.ts';
import { afterOf, countOf, isoOf, membersOf, pageOf, parameterOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';
import { readBody } from './body.ts';
import { send } from './respond.ts';

export interface AdminQuarantineRoom {
  readonly store: Pick<Store, 'read' | 'commit'>;
  readonly quarantine: Pick<Quarantine, 'list' | 'get'>;
  /** By feed. */
  readonly retries: ReadonlyMap<string, Retry>;
}

/** Bytes of a repaired payload; an HL7 v2 message may have as many. */
const PAYLOAD_LIMIT = 20 * 1024 * 1024;
/** Rows that are looked at together, and for one page at most. */
const STEP = 500;
const MOST_LOOKED_AT = 20_000;

const shown = ({ id, feed, at, code, reason, state, raw, device, patient }: QuarantineRow) => ({
  id,
  feed,
  at: isoOf(at),
  code,
  reason,
  state,
  raw: raw ?? null,
  device: device ?? null,
  patient: patient ?? null,
});

/** Below `/admin`, whose router lets the administrator alone through. */
export function adminQuarantineRouter({ store, quarantine, retries }: AdminQuarantineRoom): RequestHandler {
  const router = Router({ caseSensitive: true });

  async function heldOf({ params }: Request<{ id: string }>): Promise<QuarantineRow> {
    const held = await quarantine.get(params.id);
    if (!held) throw problem('not-found', 'nothing is quarantined under this id');
    return held;
  }

  function demandOpen({ state }: QuarantineRow): void {
    if (state !== 'open') throw problem('conflict', `this is ${state} already`);
  }

  const deed = (interaction: string, action: string, { id, patient = '' }: QuarantineRow, reason = '') => ({
    interaction,
    action,
    status: 200,
    target: `Quarantine/${id}`,
    patients: patient,
    reason,
  });

  const decide = (response: Response, held: QuarantineRow, to: QuarantineRow['state'], as: ReturnType<typeof deed>) =>
    store.commit([decision(held, to), appended(visitOf(response).row(as))]);

  router.get('/quarantine', async (request, response) => {
    const count = countOf(request);
    const [feed, state, code] = ['feed', 'state', 'code'].map((name) => parameterOf(request, name));
    const found: QuarantineRow[] = [];
    let after = afterOf(request);
    let isEnd = false;
    for (let seen = 0; found.length <= count && !isEnd && seen < MOST_LOOKED_AT; seen += STEP) {
      const step = await quarantine.list(feed, after, STEP);
      found.push(...step.filter((one) => (!state || one.state === state) && (!code || one.code === code)));
      after = step.at(-1)?.id;
      isEnd = step.length < STEP;
    }
    const filters = Object.entries({ feed, state, code }).filter(([, value]) => value !== undefined);
    const query = filters.map(([name, value]) => `&${name}=${encodeURIComponent(value!)}`).join('');
    const { page, next } = pageOf('/admin/quarantine', found, count, ({ id }) => id);
    // A page that was looked for long enough goes on behind what was looked at.
    const further = next ?? (isEnd ? null : `/admin/quarantine?count=${count}&after=${encodeURIComponent(after!)}`);
    await visitOf(response).record({ interaction: 'admin-quarantine-list', action: 'R', status: 200 });
    reply(request, response, 200, { quarantine: page.map(shown), next: further && further + query });
  });

  router.get('/quarantine/:id', async (request, response) => {
    const held = await heldOf(request);
    await visitOf(response).record(deed('admin-quarantine-read', 'R', held));
    reply(request, response, 200, {
      ...shown(held),
      row: held.row ?? null,
      can_retry: held.state === 'open' && retries.has(held.feed),
    });
  });

  router.get('/quarantine/:id/payload', async (request, response) => {
    const held = await heldOf(request);
    const payload = await payloadOf(held, store);
    await visitOf(response).record(deed('admin-quarantine-payload', 'R', held));
    send(request, response, 200, payload, {
      'Content-Type': 'application/octet-stream',
      'X-Request-Id': visitOf(response).requestId,
    });
  });

  router.post('/quarantine/:id/retry', async (request, response) => {
    const held = await heldOf(request);
    demandOpen(held);
    const retry = retries.get(held.feed);
    if (!retry) throw problem('not-supported', 'what this feed brought cannot be tried again here', { status: 422 });
    const repaired = await readBody(request, PAYLOAD_LIMIT);
    const isRepaired = repaired.length > 0;
    await retry(held, isRepaired ? repaired : await payloadOf(held, store));
    const as = deed('admin-quarantine-retry', 'U', held, isRepaired ? 'repaired' : 'as it came');
    // A feed may have said so in the commit of what it took in.
    const now = await heldOf(request);
    if (now.state === 'open') await decide(response, now, 'taken-in', as);
    else await visitOf(response).record(as);
    reply(request, response, 200, shown(await heldOf(request)));
  });

  router.post('/quarantine/:id/discard', async (request, response) => {
    const { reason } = await membersOf(request);
    if (typeof reason !== 'string' || reason.trim() === '' || reason.length > 200)
      throw problem('value', 'reason must be text of 1 to 200 characters');
    const held = await heldOf(request);
    demandOpen(held);
    await decide(response, held, 'discarded', deed('admin-quarantine-discard', 'D', held, reason));
    reply(request, response, 200, shown(await heldOf(request)));
  });
  return router;
}
