/** Where a browser of a signed-in user asks to be pushed to. https://www.w3.org/TR/push-api/ */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import {
  pushKeyFor,
  pushKind,
  pushNamesOf,
  pushTargetOf,
  type Subscriber,
  subscribing,
} from '../alerts/channels/push-subscriptions.ts';
import { problem } from '../fhir/outcome.ts';
import { keyOf } from '../fhir/references.ts';
import { settle } from '../interactions/settle.ts';
import type { GuardedClient } from '../outbound/guarded-client.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import { visitOf } from './app.ts';
import { demandJson, FORM_LIMIT, readBody } from './body.ts';
import { sendJson } from './respond.ts';

export interface PushDoor {
  readonly store: Pick<Store, 'list' | 'get' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly client: Pick<GuardedClient, 'check'>;
  /** The key that a browser subscribes for, base64url. */
  readonly publicKey: string;
}

/** Alerts go to people; a program has webhooks. */
const people = ['Practitioner', 'PractitionerRole', 'Patient', 'RelatedPerson'];

function personOf(response: Response): string {
  const { who } = visitOf(response).caller;
  if (who === 'anonymous')
    throw problem('login', 'this needs a token', { headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' } });
  if (!people.includes(keyOf(who)?.type ?? '')) throw problem('forbidden', 'only a person is pushed to');
  return who;
}

/** At a page of ours alone: what an app is told of, it asks for with a Subscription, under its own scopes. */
function subscriberOf(response: Response): Subscriber {
  const who = personOf(response);
  const { session } = visitOf(response).caller;
  if (!session) throw problem('forbidden', 'only a person at a page of this server is pushed to');
  return { who, login: session.login, epoch: session.epoch, session: session.id };
}

async function bodyOf(request: Request): Promise<unknown> {
  demandJson(request);
  const text = (await readBody(request, FORM_LIMIT)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw problem('invalid', 'the body is not JSON');
  }
}

/** Behind a guard that puts the caller on the visit. */
export function pushSubscriptionsRouter({ store, runtime, client, publicKey }: PushDoor): RequestHandler {
  const router = Router();
  router.get('/', async (request, response) => {
    const subscriptions = await pushNamesOf(personOf(response), store);
    sendJson(request, response, 200, { public_key: publicKey, subscriptions }, visitOf(response).requestId);
  });
  const subscribe = (isRefresh: boolean) => async (request: Request, response: Response) => {
    const subscriber = subscriberOf(response);
    const target = pushTargetOf(await bodyOf(request));
    const fault = client.check(target.endpoint);
    if (fault) throw fault;
    await settle(runtime, async () => {
      const changes = await subscribing(subscriber, target, store, isRefresh);
      if (changes.length > 0) await store.commit(changes);
    });
    const { requestId } = visitOf(response);
    sendJson(request, response, isRefresh ? 200 : 201, { endpoint: target.endpoint }, requestId);
  };
  router.post('/', subscribe(false));
  router.put('/', subscribe(true));
  router.delete('/', async (request, response) => {
    const who = personOf(response);
    const { endpoint } = ((await bodyOf(request)) ?? {}) as { readonly endpoint?: unknown };
    await store.commit([{ op: 'drop', kind: pushKind, key: pushKeyFor(who, String(endpoint)) }]);
    response.status(204).end();
  });
  return router;
}
