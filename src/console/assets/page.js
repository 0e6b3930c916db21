/** What every page has: who looks, how it looks, its help. Scripts of pages import from here. */
import { keys } from './parts/keys.js';
import { offerUndo, undo } from './parts/said.js';
import { begin, session, signedIn } from './parts/session.js';
import { moment } from './parts/time.js';
import { say } from './parts/words.js';

export { ask, Refused } from './parts/ask.js';
export { keys } from './parts/keys.js';
export { createList } from './parts/list.js';
export { live } from './parts/live.js';
export { afterTyping, offer, rowsOf, searchIn } from './parts/rows.js';
export { alarm, announce, note } from './parts/said.js';
export { session } from './parts/session.js';
export { ago, clock, day, moment, since, timeElement, zone } from './parts/time.js';
export { locale, say } from './parts/words.js';
export { offerUndo, undo };

const at = (id) => document.getElementById(id);
const root = document.documentElement;

/** Calls it with who it is once somebody is signed in; again after each new sign-in on this page. */
export function whenSignedIn(work) {
  session.addEventListener('in', (event) => work(event.detail));
  if (signedIn()) work(signedIn());
}

/** An element with properties and children: texts are texts, never markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (key === 'class') made.className = value;
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== false));
  return made;
}

/** Severity as a shape, a colour and a word: `critical`, `warning` or `info`. */
export const severity = (code) => {
  const known = ['critical', 'warning', 'info'].includes(code) ? code : 'info';
  return element('span', { class: `severity ${known}` }, say(`severity.${known}`));
};

function keepLook() {
  const kept = [at('language').value, at('theme').value, at('density').value].join('.');
  const isSecure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `watchfire-look=${kept}; Path=/; Max-Age=31536000; SameSite=Lax${isSecure}`;
}
for (const name of ['theme', 'density'])
  at(name).addEventListener('change', (event) => {
    root.dataset[name] = event.target.value;
    keepLook();
  });
at('language').addEventListener('change', () => {
  keepLook();
  location.reload();
});

/** Alerts on this device: for who opens the Settings, and for who allowed it once, to see that it is still theirs. */
const push = () => import('./push/push.js');
document.querySelector('.settings').addEventListener('toggle', push, { once: true });
if (globalThis.Notification?.permission === 'granted') whenSignedIn(push);

/** On paper stands when it was printed, and by whom. */
addEventListener('beforeprint', () => {
  at('printed').textContent = say('printed', { time: moment(Date.now()), name: at('who').textContent });
});

const openHelp = () => at('help').showModal();
at('help-open').addEventListener('click', openHelp);
keys({ '?': openHelp, u: undo });

session.addEventListener('over', () => {
  at('stale').hidden = false;
  at('stale').textContent = say('stale.session');
  at('live').dataset.state = 'off';
  at('live-words').textContent = say('live.off');
});

await begin();
