/** What the pages of feeds and of the quarantine ask for: `GET /console/api/feeds`, and the quarantine by the administrator's own routes. docs/dashboard.md */
import { type RequestHandler, Router } from 'express';
import { reply } from '../../http/admin-desk.ts';
import { visitOf } from '../../http/app.ts';
import type { Feeds } from '../../ingest/feeds/feeds.ts';
import type { Quarantine } from '../../ingest/intake/quarantine.ts';
import { demandPermitted } from '../../interactions/permit.ts';
import type { Runtime } from '../../runtime.ts';
import { askedIn } from '../../translators/cardiac/asked.ts';
import { demandStaff, onlyWhoMayEverything } from '../staff.ts';
import { type Aside, countAside, type Door, doorRow, makerRow } from './status.ts';

export interface FeedsApiParts {
  readonly feeds: Pick<Feeds, 'status'>;
  readonly doors: () => readonly Door[];
  readonly quarantine: Pick<Quarantine, 'list'>;
  /** `/quarantine` and what is below it. */
  readonly quarantineRouter: RequestHandler;
  readonly runtime: Pick<Runtime, 'now'>;
}

/** Milliseconds for which all pages share one count of the quarantine. */
const SHARED = 1_000;

export function feedsApi({ feeds, doors, quarantine, quarantineRouter, runtime }: FeedsApiParts): RequestHandler {
  let counted: { readonly at: number; readonly aside: Promise<Aside> } | undefined;
  function aside(): Promise<Aside> {
    const now = runtime.now();
    if (!counted || now - counted.at > SHARED) {
      counted = { at: now, aside: countAside(quarantine) };
      counted.aside.catch(() => (counted = undefined));
    }
    return counted.aside;
  }

  const router = Router({ caseSensitive: true });
  router.get('/feeds', async (request, response) => {
    askedIn(request, []);
    demandStaff(response);
    // Who may read devices is told how they are heard from, as by /cardiac/status.
    demandPermitted({ interaction: 'search-type', type: 'Device' }, visitOf(response).caller);
    const [makers, { byFeed, isMore }] = await Promise.all([feeds.status(), aside()]);
    await visitOf(response).record({ interaction: 'console-feeds', action: 'R', status: 200 });
    const asideOf = (feed: string) => byFeed.get(feed) ?? 0;
    reply(
      request,
      response,
      200,
      {
        checked_at: new Date(runtime.now()).toISOString(),
        quarantined: [...byFeed.values()].reduce((sum, count) => sum + count, 0),
        quarantined_is_more: isMore,
        feeds: [
          ...makers.map((one) => makerRow(one, asideOf(one.maker))),
          ...doors().map((door) => doorRow(door, asideOf(door.name))),
        ],
      },
      { 'Cache-Control': 'no-store' },
    );
  });
  router.use('/quarantine', onlyWhoMayEverything);
  router.use(quarantineRouter);
  return router;
}
