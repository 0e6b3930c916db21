/** Shows what the server pushes to this browser, also while no page is open, and leads to its page. Keeps nothing. https://www.w3.org/TR/push-api/ */
const DOOR = '/push-subscriptions';
const HOME = '/cardiac/';

addEventListener('push', (event) => event.waitUntil(show(event.data)));

function show(data) {
  let told = {};
  try {
    told = data.json();
  } catch {
    // A browser that is pushed to must show something.
  }
  const { id, title = 'Watchfire', body = '', link = HOME, priority } = told;
  // By the tag a repeat takes the place of what is shown.
  return registration.showNotification(title, { body, tag: id ?? '', requireInteraction: priority === 'stat', data: { link } });
}

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data.link));
});

/** To the window that shows it already, else to a new one: what is typed in another stays. */
async function lead(link) {
  const asked = URL.canParse(link, location.origin) ? new URL(link, location.origin) : undefined;
  const { href } = asked?.origin === location.origin ? asked : new URL(HOME, location.origin);
  const windows = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  const shown = windows.find(({ url }) => url === href);
  return shown ? shown.focus() : clients.openWindow(href);
}

addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)));

/** Hands over the new one in the place of the old, which must be known to be of who is signed in. Where it cannot, it ends, and that is said. */
async function renew({ oldSubscription, newSubscription }) {
  try {
    const { public_key: applicationServerKey, subscriptions } = await ask('GET');
    const isTheirs = oldSubscription && subscriptions.includes(await nameOf(oldSubscription.endpoint));
    if (!isTheirs) throw new Error('somebody else is signed in');
    await ask('POST', newSubscription ?? (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })));
    await ask('DELETE', { endpoint: oldSubscription.endpoint });
  } catch {
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    await registration.showNotification('Watchfire', { body: lost, tag: 'lost', data: { link: HOME } });
  }
}

/** As the server names an endpoint. */
async function nameOf(endpoint) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(endpoint)));
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function ask(method, body) {
  const headers = { 'X-Watchfire-Page': 'quiet', 'Content-Type': 'application/json' };
  const response = await fetch(DOOR, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return method === 'DELETE' ? undefined : response.json();
}
