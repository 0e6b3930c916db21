/** The list of alerts: live, by keys, one to acknowledge and ten seconds to take that back. docs/dashboard.md */
import { afterTyping, alarm, ask, clock, createList, element, keys, live, note, offer, rowsOf, say, searchIn, session, severity, since, timeElement, whenSignedIn } from '../page.js';
import { acknowledge } from './acknowledge.js';
import { alertText, unitText, valueName, whoText } from './named.js';

const at = (id) => document.getElementById(id);
const body = at('alerts');
/** By the id of its Flag or Task, what the server said of an alert last. */
const known = new Map();
const rank = { critical: 0, warning: 1, info: 2 };
/** So many events at once are answered by asking for all. */
const MOST_SINGLE = 5;
let beyond = 0;
/** Who looks: `Practitioner/7`. */

const isSeen = ({ state }) => state === 'acknowledged';
const instant = (row) => Date.parse(row.since ?? '') || 0;
const nameOf = ({ patient }) => (patient ? (patient.name ?? say('cardiac.no-name')) : say('cardiac.no-patient'));
const textOf = (row) => [nameOf(row), row.message, alertText(row), row.type, row.device?.name, row.device?.model, row.device?.maker].join(' ').toLowerCase();
const order = (a, b) => isSeen(a) - isSeen(b) || rank[a.severity] - rank[b.severity] || instant(b) - instant(a) || (a.id < b.id ? -1 : 1);

const named = (row) =>
  [element('bdi', {}, nameOf(row)), ` ${[row.patient?.age, row.patient?.sex].filter((one) => one !== null).join(' ')}`];
const deviceWords = ({ device }) =>
  device ? [say(`cardiac.type.${device.type}`), device.model ?? device.name, device.maker].filter(Boolean).join(' ') : say('cardiac.no-device');
const stateOf = (row) =>
  isSeen(row) ? say(row.acknowledged_by ? 'cardiac.state.by' : 'cardiac.state.acknowledged', { name: whoText(row.acknowledged_by), time: clock(row.acknowledged_at) }) : say(`cardiac.state.${row.state}`);
const patientPath = ({ patient }) => patient && `/cardiac/patients/${encodeURIComponent(patient.id)}`;

/** `04:10`, minutes and seconds; of an hour and more hours and minutes with their word. */
const lasted = (seconds) => (seconds < 3_600 ? since(0, seconds * 60_000) : say('cardiac.hours', { count: (seconds / 3_600).toFixed(1) }));
const LONG = 48 * 3_600_000;
/** Hours and minutes, and after two days days. */
function waited(began) {
  const age = Date.now() - Date.parse(began);
  return age < LONG ? since(began) : say('cardiac.days', { count: Math.floor(age / (LONG / 2)) });
}

function make(row) {
  const cells = Array.from({ length: 7 }, () => element('td'));
  const made = element('tr', {}, cells);
  const button = element('button', { type: 'button', 'data-writes': true, onclick: () => acknowledgeRow(made) }, say('cardiac.acknowledge'));
  const open = element('a', { class: 'button', href: patientPath(row) ?? undefined, hidden: !row.patient }, say('cardiac.open'));
  const evidence = element('button', { type: 'button', 'aria-haspopup': 'dialog', hidden: !row.has_flag, onclick: () => showEvidence(made) }, say('cardiac.why'));
  cells[6].append(element('div', { class: 'actions' }, button, open, evidence));
  update(made, row);
  return made;
}

function update(made, row) {
  const before = made.row;
  made.row = row;
  if (before === row || (before && JSON.stringify(before) === JSON.stringify(row))) return;
  made.text = textOf(row);
  made.dataset.state = row.state;
  const [level, patient, device, alert, began, state, action] = made.children;
  level.replaceChildren(severity(row.severity));
  patient.replaceChildren(...named(row));
  device.replaceChildren(element('bdi', {}, deviceWords(row)));
  device.title = deviceWords(row);
  const text = alertText(row);
  alert.replaceChildren(element('bdi', {}, text));
  alert.title = text;
  began.replaceChildren(timeElement(row.since, row.since === null ? '' : waited(row.since)));
  state.textContent = stateOf(row);
  const [button, link] = action.firstElementChild.children;
  button.setAttribute('aria-label', say('cardiac.acknowledge.of', { alert: text, name: nameOf(row) }));
  link.setAttribute('aria-label', say('cardiac.open.of', { name: nameOf(row) }));
  // A hidden button would take the focus away.
  button.setAttribute('aria-disabled', String(isSeen(row)));
  made.hidden = !isWanted(made);
}

const filters = ['by-severity', 'by-state', 'by-maker', 'by-organization'];
const list = createList({ body, bar: at('waiting'), keyOf: ({ id }) => id, make, update });

function isWanted({ row, text }) {
  const [level, state, maker, organization] = filters.map((id) => at(id).value);
  if (here()?.row.id === row.id) return true;
  return (
    (!level || row.severity === level) &&
    (!state || !isSeen(row)) &&
    (state !== 'mine' || row.is_mine) &&
    (!maker || row.device?.maker === maker) &&
    (!organization || row.patient?.organization === organization) &&
    at('by-text').value.toLowerCase().split(/\s+/).every((word) => text.includes(word))
  );
}

function count() {
  if (!heard) return;
  const rows = [...known.values()];
  const open = rows.filter((row) => !isSeen(row));
  at('unreviewed').textContent = open.length;
  const reds = open.filter((row) => row.severity === 'critical').map(({ since: began }) => began);
  at('oldest').textContent = reds.length > 0 ? waited(reds.reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b))) : '–';
  let shown = 0;
  for (const row of body.children) if (!row.hidden) shown++;
  at('none').hidden = shown > 0;
  at('shown').textContent = say('cardiac.shown', { count: shown, total: rows.length + beyond });
}

/** A choice of each maker and organization that there is; none to choose from where there is one organization at most. */
function choices() {
  for (const [id, of] of [['by-maker', ({ device }) => device?.maker], ['by-organization', ({ patient }) => patient?.organization]]) {
    offer(at(id), [...known.values()].map(of));
  }
  at('by-organization').parentElement.hidden = at('by-organization').options.length < 2;
}

/** Alerts that were critical when they were shown last. Undefined until the server has said which there are. */
let heard;
/** What is critical now and was not is said once, however it came: by an event, after a cut, by a poll. */
function sayNew() {
  const reds = [...known.values()].filter((row) => row.severity === 'critical');
  const fresh = heard ? reds.filter((row) => !heard.has(row.id) && !isSeen(row)) : [];
  heard = new Set(reds.map(({ id }) => id));
  const [row] = fresh;
  if (fresh.length > 1) alarm(say('cardiac.new-criticals', { count: fresh.length }));
  else if (row) alarm(say('cardiac.new-critical', { alert: alertText(row), name: nameOf(row) }));
}

/** While the list is paused it moves for what its reader does alone. */
function show(isOwn = false) {
  sayNew();
  if (following?.isPaused() && !isOwn) return;
  list.show([...known.values()].sort(order));
  choices();
  count();
}

function filter() {
  for (const row of body.children) {
    const isHidden = !isWanted(row);
    if (row.hidden !== isHidden) row.hidden = isHidden;
  }
  count();
}


async function askAll() {
  const covered = [...asked];
  const { rows, total, median_acknowledgement: median } = await ask('/console/api/triage', { isQuiet: true });
  at('median').textContent = median === null ? '–' : lasted(median);
  known.clear();
  beyond = total - rows.length;
  for (const row of rows) known.set(row.id, row);
  covered.forEach(answered);
  show();
  goToAlert();
}

/** Links of messages name an alert: it is stood on, once, whatever the filters hide. */
let linked = new URLSearchParams(location.search).get('alert');
function goToAlert() {
  if (linked === null) return;
  const wanted = [...known.values()].find(({ id, alert_id }) => id === linked || alert_id === linked);
  linked = null;
  if (!wanted) return void note(say('cardiac.alert-over'));
  for (const id of [...filters, 'by-text']) at(id).value = '';
  filter();
  const row = list.row(wanted.id);
  focus(row);
  row?.scrollIntoView({ block: 'center' });
}

/** What is to be asked for by itself: by the id of an alert, whether that is of its Flag or its Task. Each time anew, as it may change while it is asked for. */
const asked = new Map();
function answered([id, how]) {
  if (asked.get(id) === how) asked.delete(id);
}
/** In the reader's own name: an event says what happened, not all that a line says. */
async function askEach() {
  if (!heard || asked.size > MOST_SINGLE) return askAll();
  try {
    for (const one of asked) {
      const [id, { by }] = one;
      const { rows } = await ask(`/console/api/triage?${by}=${encodeURIComponent(id)}`, { isQuiet: true });
      if (rows[0]) known.set(id, rows[0]);
      else known.delete(id);
      answered(one);
    }
  } finally {
    show();
  }
}
function askAgain(id, by = 'flag') {
  asked.set(id, { by });
  following?.again(askEach, 60);
}

const flagOf = (reference) => /^Flag\/(.+)$/.exec(reference ?? '')?.[1];
const isOfAlert = ({ identifier = [] }) => identifier.some(({ system }) => system?.endsWith('/sid/alert-task'));
let following;
whenSignedIn(() => {
  following?.close();
  following = live({
    topics: ['device-alert', 'device-alert-resolved', 'task-assigned'],
    onAll: askAll,
    onEvent({ reference, resource }) {
      const flag = flagOf(reference) ?? flagOf(resource?.focus?.reference);
      if (flag !== undefined) return askAgain(flag);
      const [type, id] = reference.split('/');
      if (type !== 'Task') return;
      // One that is too large comes without its text.
      if (!resource) following.again(askAll, 60);
      // What a device told of itself has no Flag.
      else if (isOfAlert(resource)) askAgain(id, 'task');
    },
  });
});
session.addEventListener('over', () => following?.close());

const focus = (row) => row?.querySelector('button').focus();
const { here, shown, step } = rowsOf(body, focus);

const beyondWord = ({ beyond }) => (beyond && beyond !== 'N' ? `, ${say(`cardiac.beyond.${beyond}`)}` : '');
/** What an alert was raised from, above the list and back to it. */
async function showEvidence({ row }) {
  if (!row.has_flag) return;
  const dialog = at('evidence');
  const of = `${alertText(row)}, ${nameOf(row)}`;
  at('evidence-of').textContent = of;
  at('evidence-values').replaceChildren(say('cardiac.evidence.asked'));
  dialog.showModal();
  try {
    const { detail, values } = await ask(`/console/api/evidence?flag=${encodeURIComponent(row.id)}`);
    if (at('evidence-of').textContent !== of) return;
    at('evidence-values').replaceChildren(
      element('p', {}, element('bdi', {}, detail ?? '')),
      ...(values.length > 0 ? [] : [say('cardiac.evidence.none')]),
      element('dl', { class: 'facts' }, values.flatMap((one) => [element('dt', {}, element('bdi', {}, valueName(one))), element('dd', {}, `${one.value} ${unitText(one.unit)}${beyondWord(one)} · `, timeElement(one.at))])),
    );
  } catch (error) {
    at('evidence-values').replaceChildren(say('failed', { why: error.message }));
  }
}

function acknowledgeRow(made) {
  const { row } = made;
  if (isSeen(row)) return;
  const by = row.has_flag ? 'flag' : 'task';
  const rows = shown();
  const next = rows[rows.indexOf(made) + 1] ?? rows[rows.indexOf(made) - 1];
  // Whose name it goes by is asked for.
  const become = (state, time) => {
    known.set(row.id, { ...row, state, acknowledged_by: null, acknowledged_at: time });
    show(true);
    askAgain(row.id, by);
  };
  acknowledge(
    { ...row, [by]: row.id },
    { alert: alertText(row), name: nameOf(row) },
    (time) => {
      if (here() === made) focus(next);
      become('acknowledged', time);
    },
    () => {
      become('new', null);
      focus(list.row(row.id));
    },
  );
}

for (const id of filters) at(id).addEventListener('change', filter);
searchIn(at('by-text'), filter, () => step(0));
function pause() {
  if (!following) return;
  const isPaused = following.isPaused();
  if (isPaused) following.resume();
  else following.pause();
  at('pause').setAttribute('aria-pressed', String(!isPaused));
  at('pause').textContent = say(isPaused ? 'cardiac.pause' : 'cardiac.resume');
}
at('pause').addEventListener('click', pause);
body.addEventListener('focusout', afterTyping(filter));

keys({
  j: () => step(1),
  k: () => step(-1),
  a: () => here() && acknowledgeRow(here()),
  o: () => here()?.row.patient && location.assign(patientPath(here().row)),
  e: () => here() && showEvidence(here()),
  '/': () => at('by-text').focus(),
  p: pause,
});
// Ages go on while nothing happens.
setInterval(() => {
  for (const row of body.children) row.querySelector('time').textContent = row.row.since === null ? '' : waited(row.row.since);
  count();
}, 30_000);
