/** Health: is the process alive, is it ready for work. For load balancers and containers, without a token. */
import { Router } from 'express';

export type Phase = 'starting' | 'ready' | 'draining';

/** One part of the house. `ok` is false where the server should get no requests; the rest is for people. */
export interface Check {
  readonly ok: boolean;
  /** From 0 to 1, where something is under way, such as an index being rebuilt. */
  readonly progress?: number;
}

export interface Health {
  /** Where the process stands in its life. */
  phase(): Phase;
  /** By name: `store`, `notifier`, `index`. Cheap; asked at each request. */
  checks(): Readonly<Record<string, Check>>;
}

/**
 * `/health/live` answers 200 for as long as the event loop turns. `/health/ready` answers 200 when the phase is `ready` and
 * every check is ok, else 503 with the same body, so that traffic goes elsewhere while the server starts or drains.
 */
export function healthRouter({ phase, checks }: Health): Router {
  const router = Router();
  router.get('/health/live', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'live' });
  });
  router.get('/health/ready', (_request, response) => {
    const now = phase();
    const found = now === 'starting' ? {} : checks();
    const ready = now === 'ready' && Object.values(found).every(({ ok }) => ok);
    response
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: now === 'ready' && !ready ? 'degraded' : now, checks: found });
  });
  return router;
}
