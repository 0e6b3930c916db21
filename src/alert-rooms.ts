/** Alerts and those who are told of them, on one page: the channels, the process that works under a lease, and its two doors. Stands beside server.ts; docs/decisions/0011-two-pages-of-wiring.md */
import { hkdfSync } from 'node:crypto';
import type { RequestHandler } from 'express';
import { openChannels, pushKeyOf } from './alerts/channels/open.ts';
import { processSettings } from './alerts/process/parts.ts';
import { type AlertBells, alertMeasures, startAlerts } from './alerts/process/room.ts';
import type { Limits } from './alerts/thresholds.ts';
import { startAlertWatch } from './alerts/watch/room.ts';
import type { Config } from './config.ts';
import type { IdentifyPage } from './console/session/identify-page.ts';
import { alertAnswersRouter } from './http/alert-answers.ts';
import { identified } from './http/app.ts';
import type { Metrics } from './http/metrics.ts';
import { pushSubscriptionsRouter } from './http/push-subscriptions.ts';
import type { Dispatch } from './interactions/interaction.ts';
import type { Log } from './log.ts';
import type { GuardedClient } from './outbound/guarded-client.ts';
import { vapidPublicKey } from './outbound/web-push.ts';
import type { Runtime } from './runtime.ts';
import type { Consents } from './smart/policies/parts.ts';
import type { Engine } from './store/engine.ts';
import { pageKeyOf } from './store/facts.ts';
import type { Leases } from './store/lease.ts';

export interface AlertParts {
  readonly store: Engine;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly config: Config;
  /** Public URL without a path, and the FHIR base below it. */
  readonly url: string;
  readonly base: string;
  /** By a token, or by the cookie of a page. */
  readonly identify: IdentifyPage;
  readonly client: GuardedClient;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly leases: Leases;
  readonly bells: AlertBells;
  readonly limits: Limits;
  readonly consents: Pick<Consents, 'narrow'>;
  /** It is here for one command: nobody is told anything by it. */
  readonly isBrief: boolean;
}

export interface AlertRooms {
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  readonly publicRooms: readonly RequestHandler[];
}

export async function openAlerts(parts: AlertParts): Promise<AlertRooms> {
  const { store, dispatch, runtime, config, base, identify, client, metrics, isBrief } = parts;
  const pushKey = await pushKeyOf(store, runtime);
  const secret = await pageKeyOf(store, runtime);
  const linkKey = new Uint8Array(hkdfSync('sha256', secret, '', 'alert answers', 32));
  if (config.escalation && !isBrief) {
    const channels = openChannels({ config, client, runtime, store, pushKey });
    startAlerts({ ...parts, canonical: config.canonical, settings: processSettings(config), channels, linkKey });
  }
  if (config.alertWatch && !isBrief) {
    const settings = {
      implantAfter: config.silentImplantDays * 86_400_000,
      deviceAfter: config.silentHours === undefined ? undefined : config.silentHours * 3_600_000,
      grace: config.silentGraceSeconds * 1_000,
      news2Window: config.news2WindowMinutes * 60_000,
    };
    metrics.rows(startAlertWatch({ ...parts, canonical: config.canonical, settings }));
  }
  for (const measure of alertMeasures(store)) metrics.rows(measure);
  const push = pushSubscriptionsRouter({ store, runtime, client, publicKey: vapidPublicKey({ privateKey: pushKey }) });
  return {
    rooms: config.pushContact === undefined ? [] : [{ path: '/push-subscriptions', room: identified(identify, push) }],
    publicRooms: [alertAnswersRouter({ store, dispatch, runtime, base, linkKey })],
  };
}
