/** What came in and could not be taken in: looked at, repaired and sent again, or set aside with a reason. docs/dashboard.md */
import { announce, ask, clock, element, keys, note, offer, rowsOf, say, searchIn, session, timeElement, whenSignedIn } from '../page.js';
import { editor } from './payload.js';

const at = (id) => document.getElementById(id);
const body = at('rows');
const dialog = at('one');
/** Rows on the screen, rows in one answer, and answers for one list. */
const [PAGE, STEP, MOST_STEPS] = [100, 1_000, 10];
let rows = [];
let wanted = [];
let isMore = false;
let first = 0;
/** The row that the dialog is about. */
let open;

const textOf = ({ feed, code, reason, device, patient, id }) =>
  [feed, say(`quarantine.code.${code}`), code, reason, device, patient, id].join(' ').toLowerCase();

function make(row) {
  const button = element('button', { type: 'button', onclick: () => show(row), 'aria-label': say('quarantine.open.of', row) }, say('quarantine.open'));
  const made = element(
    'tr',
    {},
    element('td', {}, timeElement(row.at)),
    element('td', {}, element('bdi', {}, row.feed)),
    element('td', {}, element('strong', {}, say(`quarantine.code.${row.code}`)), ' ', element('bdi', {}, row.reason)),
    element('td', {}, element('bdi', {}, row.patient ?? row.device ?? say('quarantine.unknown'))),
    element('td', {}, element('span', { class: `state ${row.state}` }, say(`quarantine.state.${row.state}`))),
    element('td', {}, button),
  );
  made.row = row;
  return made;
}

function draw() {
  const words = at('by-text').value.toLowerCase().split(/\s+/);
  wanted = rows.filter(({ text }) => words.every((word) => text.includes(word)));
  first = Math.min(first, Math.max(0, Math.floor((wanted.length - 1) / PAGE) * PAGE));
  body.replaceChildren(...wanted.slice(first, first + PAGE).map(({ row }) => make(row)));
  at('none').hidden = wanted.length > 0;
  at('back').disabled = first === 0;
  at('further').disabled = first + PAGE >= wanted.length;
  const [from, to] = [wanted.length === 0 ? 0 : first + 1, Math.min(first + PAGE, wanted.length)];
  const more = isMore ? ` ${say('quarantine.more', { count: rows.length })}` : '';
  at('shown').textContent = say('quarantine.shown', { from, to, count: wanted.length }) + more;
}

let isForbidden = false;
function forbid(error) {
  at('fault').hidden = false;
  at('fault').textContent = error.status === 403 ? say('quarantine.forbidden') : say('failed', { why: error.message });
  isForbidden = error.status === 403;
  if (isForbidden) at('quarantine').hidden = true;
}

let asked = 0;
async function load() {
  const mine = ++asked;
  const found = [];
  try {
    const [feed, state, code] = ['by-feed', 'by-state', 'by-code'].map((id) => at(id).value);
    const query = new URLSearchParams({ count: STEP, ...(feed && { feed }), ...(state && { state }), ...(code && { code }) });
    let next = `?${query}`;
    for (let step = 0; next && step < MOST_STEPS; step++) {
      const answer = await ask(`/console/api/quarantine${next}`);
      if (mine !== asked) return;
      found.push(...answer.quarantine);
      next = answer.next?.replace(/^[^?]*/, '');
    }
    isMore = Boolean(next);
  } catch (error) {
    return forbid(error);
  }
  at('fault').hidden = true;
  at('quarantine').hidden = false;
  rows = found.sort((a, b) => (a.at < b.at ? 1 : -1)).map((row) => ({ row, text: textOf(row) }));
  feedsOf(rows);
  draw();
}

function feedsOf(all) {
  offer(at('by-feed'), all.map(({ row }) => row.feed).sort());
}

function turn(by) {
  const next = first + by * PAGE;
  if (next < 0 || next >= wanted.length) return;
  first = next;
  draw();
  focus(body.firstElementChild);
}
const focus = (row) => row?.querySelector('button').focus();
const { here, step } = rowsOf(body, focus);

const path = ({ id }, more = '') => `/console/api/quarantine/${encodeURIComponent(id)}${more}`;
const payload = editor({ field: at('payload'), hint: at('payload-hint') });

function show(row) {
  open = row;
  at('one-title').textContent = say('quarantine.one', { feed: row.feed, code: say(`quarantine.code.${row.code}`) });
  at('one-reason').replaceChildren(element('bdi', {}, row.reason));
  const facts = [
    ['quarantine.when', timeElement(row.at)],
    ['quarantine.state', say(`quarantine.state.${row.state}`)],
    ['quarantine.device', row.device],
    ['quarantine.patient', row.patient],
    ['quarantine.raw', row.raw],
  ].filter(([, value]) => value);
  at('one-facts').replaceChildren(
    ...facts.map(([name, value]) => element('div', {}, element('dt', {}, say(name)), element('dd', {}, element('bdi', {}, value)))),
  );
  at('one-fault').textContent = '';
  at('why').value = '';
  at('came').hidden = true;
  at('one-ask').hidden = false;
  at('deeds').hidden = row.state !== 'open';
  payload.clear();
  dialog.showModal();
}

async function look() {
  const about = open;
  try {
    const bytes = await ask(path(about, '/payload'));
    if (open !== about) return;
    payload.fill(bytes);
    at('came').hidden = false;
    at('one-ask').hidden = true;
    at('payload').focus();
  } catch (error) {
    at('one-fault').textContent = say('failed', { why: error.message });
  }
}

/** Off the list where it is no longer what is asked for, and on to the next. */
function decided(about, answer) {
  const next = wanted[wanted.findIndex(({ row }) => row.id === about.id) + 1]?.row.id;
  const isGone = at('by-state').value !== '' && at('by-state').value !== answer.state;
  rows = rows.flatMap((one) => (one.row.id === about.id ? (isGone ? [] : [{ row: answer, text: textOf(answer) }]) : [one]));
  draw();
  const to = [...body.children].find(({ row }) => row.id === (isGone ? next : about.id));
  focus(to ?? body.lastElementChild);
}

let isBusy = false;
async function decide(more, body, words) {
  const about = open;
  if (isBusy) return;
  isBusy = true;
  at('one-fault').textContent = '';
  try {
    const answer = await ask(path(about, more), { method: 'POST', body });
    dialog.close();
    waiting = undefined;
    decided(about, answer);
    note(say(words, about));
  } catch (error) {
    at('one-fault').textContent = say('failed', { why: error.message });
    announce(at('one-fault').textContent);
  } finally {
    isBusy = false;
  }
}

at('show').addEventListener('click', look);
at('retry').addEventListener('click', () => decide('/retry', payload.changed(), 'quarantine.taken'));
at('aside-form').addEventListener('submit', (event) => {
  event.preventDefault();
  decide('/discard', { reason: at('why').value }, 'quarantine.put');
});
// What came is on the screen as long as somebody looks at it.
dialog.addEventListener('close', () => payload.clear());
for (const id of ['by-state', 'by-feed', 'by-code']) at(id).addEventListener('change', () => load());
searchIn(at('by-text'), draw, () => step(0));
at('back').addEventListener('click', () => turn(-1));
at('further').addEventListener('click', () => turn(1));
at('again').addEventListener('click', async () => {
  await load();
  at('changed').hidden = true;
  waiting = undefined;
  watch();
});
keys({
  j: () => step(1),
  k: () => step(-1),
  o: () => here() && show(here().row),
  n: () => turn(1),
  b: () => turn(-1),
  '/': () => at('by-text').focus(),
});

/** `/quarantine#hl7v2`, as the page of feeds links here. */
const named = location.hash.slice(1);
if (/^[a-z0-9-]{1,60}$/.test(named)) {
  offer(at('by-feed'), [named]);
  at('by-feed').value = named;
}

const POLL = 30_000;
let waiting;
let seenAt = Date.now();
/** Whether something came or went: rows stay where they are until somebody looks again. */
async function watch() {
  try {
    const { quarantined } = await ask('/console/api/feeds', { isQuiet: true });
    seenAt = Date.now();
    if (waiting !== undefined && waiting !== quarantined) {
      at('changed').hidden = false;
      at('changed').textContent = say('quarantine.changed');
    }
    waiting ??= quarantined;
    // What was not answered at first.
    if (at('quarantine').hidden) await load();
    fresh(!at('quarantine').hidden);
  } catch {
    fresh(false);
  }
}
function fresh(isFresh) {
  at('live').dataset.state = isFresh ? 'on' : 'lost';
  at('live-words').textContent = say(isFresh ? 'live.polling' : 'live.lost');
  at('stale').hidden = isFresh;
  at('stale').textContent = isFresh ? '' : say('stale', { time: clock(seenAt) });
}
let timer;
whenSignedIn(async () => {
  clearInterval(timer);
  await load();
  if (isForbidden) return;
  await watch();
  timer = setInterval(watch, POLL);
});
session.addEventListener('over', () => clearInterval(timer));
