/** In the Settings: whether alerts are told on this device, switched on and off by who is signed in. Loaded by who needs it. https://www.w3.org/TR/push-api/ */
import { ask } from '../parts/ask.js';
import { note } from '../parts/said.js';
import { session, signedIn } from '../parts/session.js';
import { locale } from '../parts/words.js';

const { default: texts } = await import(`../words/${locale}/push.js`);
const say = (key) => texts[key];
const DOOR = '/push-subscriptions';
/** Below its folder there is no page: it stands in front of none. */
const WORKER = '/console/push/worker.js';

const box = document.createElement('input');
box.type = 'checkbox';
box.id = 'push';
box.disabled = true;
box.setAttribute('aria-describedby', 'push-state');
const label = document.createElement('label');
label.className = 'check';
label.append(box, ` ${say('push.label')}`);
const words = document.createElement('p');
words.id = 'push-state';
words.className = 'hint';
words.setAttribute('role', 'status');
document.querySelector('.settings .panel').append(label, words);

const registered = () => navigator.serviceWorker?.getRegistration(WORKER);
const subscribed = async () => (await registered())?.pushManager.getSubscription();

/** As the server names an endpoint. */
async function nameOf(endpoint) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether this browser is pushed to for who is signed in. What it has of somebody else's ends: their alerts are not to be seen here. */
async function isOurs() {
  const subscription = await subscribed();
  if (!subscription) return false;
  const { subscriptions } = await ask(DOOR, { isQuiet: true });
  if (subscriptions.includes(await nameOf(subscription.endpoint))) {
    // From now on it ends with this session.
    await ask(DOOR, { method: 'PUT', body: subscription, isQuiet: true });
    return true;
  }
  await subscription.unsubscribe();
  note(say('push.lost'), { seconds: 15 });
  return false;
}

function hindrance() {
  if (!signedIn()) return say('push.nobody');
  if (!signedIn().hasPush) return say('push.not-offered');
  if (signedIn().isAdministrator) return say('push.people');
  if (!navigator.serviceWorker || !globalThis.PushManager || !globalThis.Notification) return say('push.unable');
  return Notification.permission === 'denied' ? say('push.blocked') : undefined;
}

async function check() {
  if (signedIn()?.isAdministrator) await (await subscribed())?.unsubscribe();
  let why = hindrance();
  let isOn = false;
  if (!why)
    try {
      isOn = await isOurs();
    } catch (error) {
      why = say('push.unknown').replace('{why}', error.message);
    }
  box.checked = isOn;
  box.disabled = why !== undefined;
  words.textContent = why ?? (isOn ? say('push.on') : say('push.off'));
}

/** A worker that is not active yet cannot be pushed to. */
async function worker() {
  const registration = await navigator.serviceWorker.register(WORKER);
  const coming = registration.installing ?? registration.waiting;
  if (!registration.active && coming)
    await new Promise((go) => {
      coming.addEventListener('statechange', () => ['activated', 'redundant'].includes(coming.state) && go());
    });
  return registration;
}

async function switchOn() {
  if ((await Notification.requestPermission()) !== 'granted') return;
  const { public_key: applicationServerKey } = await ask(DOOR);
  const { pushManager } = await worker();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  try {
    await ask(DOOR, { method: 'POST', body: subscription });
  } catch (error) {
    await subscription.unsubscribe();
    throw error;
  }
}

/** At the server and in this browser, with what still stands there to be read. One that the server did not hear of is told so by the push service. */
export async function switchOff() {
  const subscription = await subscribed();
  if (!subscription) return;
  const told = ask(DOOR, { method: 'DELETE', body: { endpoint: subscription.endpoint }, signal: AbortSignal.timeout(3_000) });
  await Promise.allSettled([told, subscription.unsubscribe()]);
  for (const shown of await (await registered()).getNotifications()) shown.close();
}

let last = Promise.resolve();
/** One thing after the other: a look must not take what is just being switched on for somebody else's. */
function inTurn(act) {
  const done = last.then(act);
  last = done.catch(() => undefined);
  return done;
}

box.addEventListener('change', async () => {
  const act = box.checked ? switchOn : switchOff;
  box.disabled = true;
  await inTurn(act).catch((error) => note(error.message, { isFault: true }));
  await inTurn(check);
  (box.disabled ? document.querySelector('.settings summary') : box).focus();
});
for (const name of ['in', 'over']) session.addEventListener(name, () => inTurn(check));
document.querySelector('.settings').addEventListener('toggle', () => inTurn(check));
await inTurn(check);
