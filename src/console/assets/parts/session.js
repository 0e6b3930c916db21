/** Who is signed in, for how long still, and what becomes of the page when that ends. https://www.w3.org/WAI/WCAG22/Understanding/timing-adjustable.html */
import { ask, asking, setOver } from './ask.js';
import { say } from './words.js';

const at = (id) => document.getElementById(id);
const root = document.documentElement;
/** Milliseconds of warning; half of the session where that is so short. */
const WARNING = 120_000;
/** How often a person who does something is noted at the server. */
const TOUCH = 60_000;

/** `in` with who it is, `over` when a session ended, `out` after signing out. */
export const session = new EventTarget();
let info;
let timer;
let skew = 0;
let touched = 0;
/** Who was here before the session ended. */
let former;
/** Other windows of this browser hear that somebody signed in. */
const windows = new BroadcastChannel('watchfire-session');

/** Who it is, as the server says; undefined where nobody is signed in. */
export const signedIn = () => (info?.who === undefined ? undefined : info);

function tell(name) {
  session.dispatchEvent(new CustomEvent(name, { detail: info }));
}

function show(state) {
  root.dataset.session = state;
  setOver(state !== 'in');
  at('signed-out').hidden = state === 'in';
  if (state === 'in') at('content').hidden = false;
  at('sign-out').hidden = state !== 'in';
  at('who').textContent = state === 'in' ? (info.isAdministrator ? say('administrator') : info.login) : '';
  // Where the name has no room it is said here.
  if (state === 'in') at('sign-out').title = say('signed-in-as', { name: info.login ?? say('administrator') });
  for (const button of document.querySelectorAll('[data-writes]')) button.disabled = state !== 'in';
}

/** Takes in what the server says about the session. */
function learn(answer) {
  const was = info;
  info = answer;
  skew = answer.now - Date.now();
  clearTimeout(timer);
  if (!answer.who) {
    at('sign-in').parentElement.hidden = !answer.hasSignIn;
    at('signed-out').querySelector('details').open = !answer.hasSignIn;
    if (was?.who) over();
    else show('out');
    return;
  }
  // What stands on the page was somebody else's to see.
  if (former !== undefined && former !== answer.who) return location.reload();
  show('in');
  at('sign-in').removeAttribute('target');
  if (!was?.who) {
    former = answer.who;
    tell('in');
    windows.postMessage('in');
  }
  if (left() > warning()) at('idle').close();
  wait();
}

const left = () => info.restEnds - (Date.now() + skew);

const warning = () => Math.min(WARNING, info.idle / 2);

function wait() {
  clearTimeout(timer);
  timer = setTimeout(
    async () => {
      const before = info.restEnds;
      if (left() > warning()) return wait();
      // Somebody may have done something in another window.
      await look();
      if (signedIn() && info.restEnds === before) warn();
    },
    Math.min(Math.max(0, left() - warning()), 2_000_000_000),
  );
}

function warn() {
  clearTimeout(timer);
  const dialog = at('idle');
  if (dialog.open) return;
  dialog.showModal();
  let ticking;
  const tick = () => {
    const count = Math.max(0, Math.ceil(left() / 1_000));
    at('idle-left').textContent = say('idle.left', { count });
    if (dialog.open && count > 0) return;
    clearInterval(ticking);
    if (dialog.open) {
      dialog.close();
      look();
    }
  };
  ticking = setInterval(tick, 500);
  tick();
}

function over() {
  at('idle').close();
  at('signed-out-why').textContent = say('signed-out.over');
  // In a window of its own: what was typed here stays.
  at('sign-in').target = '_blank';
  show('over');
  at('signed-out').scrollIntoView({ block: 'nearest' });
  tell('over');
}

/** Asks who is signed in, which keeps no session going. */
export async function look() {
  try {
    learn(await ask('/console/session', { isQuiet: true }));
  } catch {
    timer = setTimeout(look, 10_000);
  }
}

async function stay() {
  touched = Date.now();
  learn(await ask('/console/session', { method: 'POST' }));
}

async function signOut() {
  // A device that somebody left is told nothing of theirs.
  if (globalThis.Notification?.permission === 'granted')
    await import('../push/push.js').then(({ switchOff }) => switchOff()).catch(() => undefined);
  await ask('/console/session', { method: 'DELETE' }).catch(() => undefined);
  info = undefined;
  tell('out');
  // Nothing of anybody stays on a screen that others see.
  location.reload();
}

async function useToken(event) {
  event.preventDefault();
  const field = at('token');
  const token = field.value;
  try {
    await ask('/console/session', { method: 'POST', body: { token } });
    field.value = '';
    at('token-fault').textContent = '';
    info = undefined;
    await look();
  } catch (error) {
    at('token-fault').textContent = error.status === 429 ? say('token.held') : error.status === 401 ? say('token.wrong') : error.message;
    field.select();
  }
}

const BACK = 'watchfire-back';
/** What was asked of this page, as by the link of a message, stays in this tab while somebody signs in: the way back knows its path alone. */
function keepAsked() {
  try {
    sessionStorage.setItem(BACK, location.pathname + location.search);
  } catch {
    // They come back to the page without it.
  }
}
function takeAsked() {
  try {
    const asked = sessionStorage.getItem(BACK);
    sessionStorage.removeItem(BACK);
    if (!location.search && asked?.startsWith(`${location.pathname}?`)) history.replaceState(null, '', asked + location.hash);
  } catch {
    // Nothing was kept.
  }
}

/** Where to sign in, and back to this page. */
function signInAddress() {
  const path = btoa(location.pathname).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `/oauth/account/sign-in/page-${path}`;
}

export async function begin() {
  takeAsked();
  at('sign-in').href = signInAddress();
  at('sign-in').addEventListener('click', keepAsked);
  at('sign-out').addEventListener('click', signOut);
  at('token-form').addEventListener('submit', useToken);
  at('idle').addEventListener('close', () => {
    if (signedIn() && left() > 0) stay().catch(look);
  });
  asking.addEventListener('over', () => {
    if (signedIn()) look();
  });
  for (const name of ['keydown', 'pointerdown'])
    addEventListener(
      name,
      () => {
        if (!signedIn() || at('idle').open || Date.now() - touched < TOUCH) return;
        stay().catch(() => undefined);
      },
      { passive: true },
    );
  windows.onmessage = () => signedIn() || look();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') look();
  });
  touched = Date.now();
  await look();
}
