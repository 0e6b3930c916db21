/** The administrator's routes to have the inbox of the file drop looked through, and to see how far that is. docs/file-drop.md */
import { type RequestHandler, Router } from 'express';
import { problem } from '../fhir/outcome.ts';
import type { FileDrop, Run } from '../ingest/file-drop/room.ts';
import { membersOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';

const MOST_DAYS = 36_500;

function daysOf(given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined;
  if (!Number.isInteger(given) || (given as number) < 1 || (given as number) > MOST_DAYS)
    throw problem('value', `cleanup_days must be a whole number of days from 1 to ${MOST_DAYS}`);
  return given as number;
}

const told = ({ id, state, done, of, tally, cleanedUp, error }: Run, others: number) => ({
  run: id,
  state,
  looked_at: done,
  found: of,
  ...tally,
  removed: cleanedUp?.removed ?? null,
  held: cleanedUp?.held ?? null,
  error: error ?? null,
  others,
});

/** Below `/admin`, whose router lets the administrator alone through. Without an inbox every answer is 409. */
export function adminFileDropRouter(inbox: FileDrop | undefined): RequestHandler {
  const router = Router({ caseSensitive: true });

  function open(): FileDrop {
    if (!inbox) throw problem('conflict', 'this server has no inbox: IOT_INBOX_DIR is not set');
    return inbox;
  }

  router.post('/iot-files/runs', async (request, response) => {
    const { cleanup_days } = await membersOf(request);
    const drop = open();
    const started = drop.start(daysOf(cleanup_days));
    await visitOf(response).record({ interaction: 'admin-iot-files', action: 'E', status: 202 });
    reply(request, response, 202, told(started, drop.othersThan(started.id)), {
      Location: `/admin/iot-files/runs/${started.id}`,
    });
  });

  router.get('/iot-files/runs/:run', (request, response) => {
    const drop = open();
    const found = drop.runOf(request.params.run);
    if (!found) throw problem('not-found', 'there is no such run, or it is long over');
    reply(request, response, 200, told(found, drop.othersThan(found.id)));
  });
  return router;
}
