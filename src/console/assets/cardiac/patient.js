/** One patient: devices, charts, strips, and what became of each alert. docs/dashboard.md */
import { ago, announce, ask, day, element, keys, live, moment, note, say, session, severity, timeElement, whenSignedIn } from '../page.js';
import { acknowledge } from './acknowledge.js';
import { alertText, answerText, whoText } from './named.js';
import { plot } from './plot.js';
import { strip } from './strip.js';

const at = (id) => document.getElementById(id);
const id = decodeURIComponent(location.pathname.split('/').at(-1));
let shown;
/** What stands in a place: charts by the series that they show. */
const standing = new Map();

const fact = (name, ...value) => [element('dt', {}, say(name)), element('dd', {}, ...value)];
const orNot = (value) => (value === null || value === undefined || value === '' ? say('cardiac.not-reported') : String(value));

function card(device) {
  const { type, name, maker, model, serial, udi, battery_level: charge, battery_voltage: volts, last_contact: contact, implanted, status, mri, active_alerts: active } = device;
  const battery = [charge !== null && `${charge} %`, volts && `${volts.value} ${volts.unit}`].filter(Boolean).join(', ');
  return element(
    'article',
    { class: 'card' },
    element('h3', {}, `${say(`cardiac.type.${type}`)} `, element('bdi', {}, name)),
    element(
      'dl',
      { class: 'facts' },
      ...fact('cardiac.maker', element('bdi', {}, orNot(maker))),
      ...fact('cardiac.model', element('bdi', {}, orNot(model))),
      ...fact('cardiac.serial', element('bdi', {}, orNot(serial))),
      ...fact('cardiac.udi', element('bdi', {}, orNot(udi))),
      // A month or a year is no day.
      ...fact('cardiac.implanted', implanted?.length >= 10 ? day(implanted) : orNot(implanted)),
      ...fact('cardiac.battery', orNot(battery), charge === null ? '' : element('meter', { max: 100, value: charge, 'aria-hidden': true })),
      ...fact('cardiac.contact', contact === null ? say('cardiac.not-reported') : timeElement(contact, ago(contact))),
      ...fact('cardiac.mri', element('bdi', {}, orNot(mri))),
      ...fact('cardiac.status', say(`cardiac.status.${status}`)),
      ...fact('cardiac.active-alerts', active > 0 ? element('a', { href: '#history' }, element('strong', {}, active)) : '0'),
    ),
  );
}

const step = (time, ...words) => element('li', {}, timeElement(time), ' ', ...words);

const deedStep = ({ what, at: time, by }) => step(time, say(`cardiac.deed.${what}`), ...(by ? [' ', element('bdi', {}, say('cardiac.somebody', { name: whoText(by) }))] : []));

/** The alert that the next click resolves: asked once more, since nothing takes it back. */
let armed;

async function resolveAlert(alert) {
  if (armed !== alert.alert_id) {
    armed = alert.alert_id;
    show();
    return announce(say('cardiac.resolve.sure'));
  }
  armed = undefined;
  try {
    await ask(`/cardiac/alerts/${encodeURIComponent(alert.alert_id)}/resolve`, { method: 'POST' });
    note(say('cardiac.resolved', { alert: alertText(alert) }));
  } catch (error) {
    note(say('failed', { why: error.message }), { isFault: true });
  }
  following?.again(askAll);
}

const resolveButton = (alert) =>
  element(
    'button',
    {
      type: 'button',
      'data-writes': true,
      'data-alert': alert.alert_id,
      // What it says by then is what it is called by.
      'aria-label': armed === alert.alert_id ? undefined : say('cardiac.resolve.of', { alert: alertText(alert) }),
      onclick: () => resolveAlert(alert),
    },
    say(armed === alert.alert_id ? 'cardiac.resolve.sure' : 'cardiac.resolve'),
  );

const patientName = () => shown.patient.name ?? say('cardiac.no-name');
function acknowledgeButton(alert) {
  const about = { alert: alertText(alert), name: patientName() };
  const again = () => following?.again(askAll);
  return element('button', { type: 'button', 'data-writes': true, 'data-alert': `${alert.alert_id} seen`, 'aria-label': say('cardiac.acknowledge.of', about), onclick: () => acknowledge(alert, about, again, again) }, say('cardiac.acknowledge'));
}

/** What was said of an alert, as a step among those of people. */
function saidStep({ what, at: time, who, channel, text }) {
  const name = who === 'patient' ? say('cardiac.patient') : who;
  const by = channel === null ? '' : ` (${say(`cardiac.channel.${channel}`)})`;
  return step(time, say(`cardiac.said.${what}`), ' ', element('bdi', {}, name ?? '–'), by, ...(text === null ? [] : [': ', element('bdi', {}, what === 'answer' ? answerText(text) : text)]));
}

function alertItem(alert) {
  const { severity: level, device_id: device, timestamp, ended, is_active: isActive, deeds, said = [] } = alert;
  const done = [
    ...deeds.map((deed) => ({ at: deed.at, deed })),
    ...said.map((one) => ({ at: one.at, said: one })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  // Who ended it says so already.
  const isResolved = deeds.some(({ what, at: time }) => what === 'resolved' && time === ended);
  return element(
    'li',
    {},
    severity(level),
    ' ',
    element('bdi', {}, alertText(alert)),
    device ? element('span', { class: 'hint' }, ' ', element('bdi', {}, device)) : undefined,
    element(
      'ol',
      {},
      step(timestamp, say('cardiac.raised')),
      ...done.map(({ deed, said: one }) => (deed ? deedStep(deed) : saidStep(one))),
      isActive || isResolved ? undefined : step(ended, say('cardiac.ended')),
    ),
    isActive && element('div', { class: 'bar' }, !alert.acknowledged && acknowledgeButton(alert), resolveButton(alert)),
  );
}

const nothing = (key) => element('p', { class: 'hint' }, say(key));
const orNothing = (items, key) => (items.length > 0 ? items : [nothing(key)]);

/** Charts stay where the same series are shown: nothing that somebody opened or stands on goes away. */
function charts(place, all, key, options) {
  const names = JSON.stringify([all.map(({ kind, name, unit }) => [kind, name, unit]), options.to - options.from, key]);
  const before = standing.get(place);
  if (before?.names === names) return before.drawn.forEach((one, i) => one.update(all[i], options));
  for (const one of before?.drawn ?? []) one.end();
  place.replaceChildren(...(all.length > 0 ? [] : [nothing('cardiac.no-values')]));
  standing.set(place, { names, drawn: all.map((series) => plot(place, series, options)) });
}

/** Whether something else is to stand there from now on: where not, nothing that somebody stands on goes away. */
function isNews(place, all) {
  const told = JSON.stringify(all);
  return standing.get(place) !== told && standing.set(place, told);
}

/** One strip at a time, the newest first; who has paged stays where they are while nothing is new. */
let page = 0;
function strips(all) {
  if (!isNews(at('strips'), all)) return;
  page = 0;
  drawStrip(all);
}
function drawStrip(all) {
  const place = at('strips');
  if (all.length === 0) return place.replaceChildren(nothing('cardiac.no-strips'));
  const turn = (by, key) => element('button', { type: 'button', 'aria-disabled': String(!all[page + by]), onclick: () => all[page + by] && ((page += by), drawStrip(all), place.querySelectorAll('button')[by < 0 ? 0 : 1].focus()) }, say(key));
  place.replaceChildren(
    element('div', { class: 'bar', hidden: all.length < 2 }, turn(-1, 'cardiac.strip.newer'), turn(1, 'cardiac.strip.older'), element('span', { role: 'status' }, say('cardiac.strip.which', { at: page + 1, count: all.length }))),
  );
  strip(place, all[page]);
}

function reportButtons(all) {
  const place = at('reports');
  if (!isNews(place, all)) return;
  place.parentElement.hidden = all.length === 0;
  place.replaceChildren(...all.map((report) => element('button', { type: 'button', onclick: () => save(`reports/${report.id}`, 'watchfire-report.pdf') }, moment(report.at))));
}

/** Hidden until somebody wants it: the server keeps who did. */
function recordNumber({ id: whose, mrn }) {
  const place = at('mrn');
  if (place.dataset.of === whose) return;
  place.dataset.of = whose;
  const number = element('bdi', {}, orNot(mrn));
  const reveal = element('button', { type: 'button', hidden: mrn === null }, say('cardiac.mrn.reveal'));
  reveal.addEventListener('click', async () => {
    try {
      number.textContent = orNot((await ask(`/console/api/patients/${encodeURIComponent(whose)}/mrn`)).mrn);
      announce(number.textContent);
      reveal.hidden = true;
      place.focus();
    } catch (error) {
      note(say('failed', { why: error.message }), { isFault: true });
    }
  });
  place.replaceChildren(say('cardiac.mrn'), ' ', number, ' ', reveal);
}

/** Through the server, which keeps who asked; the name of the file says nothing of whom it is about. */
async function save(path, download) {
  try {
    const href = URL.createObjectURL(new Blob([await ask(`/console/api/${path}`)]));
    element('a', { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  } catch (error) {
    note(say('failed', { why: error.message }), { isFault: true });
  }
}
at('csv').addEventListener('click', () => save(`patients/${encodeURIComponent(id)}/values?hours=${at('hours').value}`, 'watchfire-values.csv'));
at('print').addEventListener('click', () => print());

function show() {
  const { patient, devices, heart_rate: rate, vitals, slow, alerts, reports, from, to } = shown;
  const { theme } = document.documentElement.dataset;
  const about = [patient.age, patient.sex].filter((one) => one !== null).join(' ');
  at('person').replaceChildren(element('bdi', {}, patientName()), ` ${about}`);
  recordNumber(patient);
  at('devices').replaceChildren(...orNothing(devices.map(card), 'cardiac.no-devices'));
  at('chart').hidden = false;
  charts(at('rate'), rate, theme, { from, to, sync: 'vitals', height: 220 });
  charts(at('vitals'), vitals, theme, { from, to, sync: 'vitals', height: 150 });
  at('vitals').hidden = vitals.length === 0;
  charts(at('slow'), slow, theme, { from: to - 90 * 86_400_000, to, sync: 'slow', height: 150 });
  strips(shown.strips);
  reportButtons(reports);
  const held = document.activeElement?.dataset.alert;
  at('history').replaceChildren(...(alerts.length > 0 ? alerts.map(alertItem) : [element('li', {}, nothing('cardiac.no-history'))]));
  if (held === undefined) return;
  const buttons = [...at('history').querySelectorAll('button')];
  const named = (name) => buttons.find(({ dataset }) => dataset.alert === name);
  // Where it was acknowledged there is but one left.
  (named(held) ?? named(held.replace(/ seen$/, '')))?.focus();
}

async function askAll() {
  try {
    shown = await ask(`/console/api/patients/${encodeURIComponent(id)}?hours=${at('hours').value}`, { isQuiet: true });
  } catch (error) {
    if (error.isPassing) throw error;
    // What is refused for good is not asked for again.
    at('fault').textContent = say('failed', { why: error.message });
    at('fault').hidden = false;
    at('chart').hidden = true;
    return following.close();
  }
  at('fault').hidden = true;
  show();
}

/** Milliseconds: what comes in meanwhile is shown together. A chart that moves with every beat says no more. */
const [SOON, SLOWLY] = [500, 5_000];
let following;
whenSignedIn(() => {
  following?.close();
  following = live({
    topics: ['device-alert', 'device-alert-resolved', 'device-status-changed', 'vital-sign-recorded', 'cied-transmission', 'task-assigned'],
    patient: () => shown?.patient.id,
    onAll: askAll,
    onEvent: ({ topic }) => following.again(askAll, topic === 'vital-sign-recorded' ? SLOWLY : SOON),
  });
});
session.addEventListener('over', () => following?.close());
at('hours').addEventListener('change', () => following?.again(askAll));
new MutationObserver(() => shown && show()).observe(document.documentElement, { attributeFilter: ['data-theme'] });
keys({ b: () => location.assign('/cardiac/') });
