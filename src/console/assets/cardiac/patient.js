/** One patient: devices, charts, strips, and what became of each alert. docs/dashboard.md */
import { ago, ask, day, element, keys, live, say, session, severity, timeElement, whenSignedIn } from '../page.js';
import { plot } from './plot.js';
import { strip } from './strip.js';

const at = (id) => document.getElementById(id);
const id = decodeURIComponent(location.pathname.split('/').at(-1));
let shown;
let drawn = [];

const fact = (name, ...value) => [element('dt', {}, say(name)), element('dd', {}, ...value)];
const orNot = (value) => (value === null || value === undefined || value === '' ? say('cardiac.not-reported') : String(value));

function card(device) {
  const { type, name, maker, model, udi, battery_level: battery, last_contact: contact, implanted, status } = device;
  return element(
    'article',
    { class: 'card' },
    element('h3', {}, `${say(`cardiac.type.${type}`)} `, element('bdi', {}, name)),
    element(
      'dl',
      { class: 'facts' },
      ...fact('cardiac.maker', element('bdi', {}, orNot(maker))),
      ...fact('cardiac.model', element('bdi', {}, orNot(model))),
      ...fact('cardiac.udi', element('bdi', {}, orNot(udi))),
      // A month or a year is no day.
      ...fact('cardiac.implanted', implanted?.length >= 10 ? day(implanted) : orNot(implanted)),
      ...fact('cardiac.battery', battery === null ? say('cardiac.not-reported') : `${battery} %`),
      ...fact('cardiac.contact', contact === null ? say('cardiac.not-reported') : timeElement(contact, ago(contact))),
      ...fact('cardiac.status', say(`cardiac.status.${status}`)),
    ),
  );
}

const step = (time, ...words) => element('li', {}, timeElement(time), ' ', ...words);

function alertItem({ severity: level, message, device_id: device, timestamp, ended, is_active: isActive, deeds }) {
  return element(
    'li',
    {},
    severity(level),
    ' ',
    element('bdi', {}, message),
    device ? element('span', { class: 'hint' }, ' ', element('bdi', {}, device)) : undefined,
    element(
      'ol',
      {},
      step(timestamp, say('cardiac.raised')),
      ...deeds.map(({ what, at: time, by }) => step(time, say(`cardiac.deed.${what}`), ...(by ? [' ', element('bdi', {}, say('cardiac.somebody', { name: by }))] : []))),
      isActive ? undefined : step(ended, say('cardiac.ended')),
    ),
  );
}

const nothing = (key) => element('p', { class: 'hint' }, say(key));
const orNothing = (items, key) => (items.length > 0 ? items : [nothing(key)]);

function show() {
  const { patient, devices, heart_rate: rate, slow, alerts, strips, from, to } = shown;
  for (const end of drawn) end();
  const about = [patient.name ?? say('cardiac.no-name'), [patient.age, patient.sex].filter((one) => one !== null).join(' ')];
  at('person').replaceChildren(element('bdi', {}, about[0]), ` ${about[1]}`);
  at('devices').replaceChildren(...orNothing(devices.map(card), 'cardiac.no-devices'));
  at('chart').hidden = false;
  at('rate').replaceChildren(...(rate.length > 0 ? [] : [nothing('cardiac.no-values')]));
  at('slow').replaceChildren(...(slow.length > 0 ? [] : [nothing('cardiac.no-values')]));
  at('strips').replaceChildren(...(strips.length > 0 ? [] : [nothing('cardiac.no-strips')]));
  at('history').replaceChildren(...orNothing(alerts.map(alertItem), 'cardiac.no-history').map((item) => (item.tagName === 'LI' ? item : element('li', {}, item))));
  drawn = [
    ...rate.map((series) => plot(at('rate'), series, { from, to, height: 220 })),
    ...slow.map((series) => plot(at('slow'), series, { from: to - 90 * 86_400_000, to, sync: 'slow', height: 150 })),
  ];
  for (const one of strips) strip(at('strips'), one);
}

async function askAll() {
  try {
    shown = await ask(`/console/api/patients/${encodeURIComponent(id)}?hours=${at('hours').value}`, { isQuiet: true });
    at('fault').hidden = true;
    show();
  } catch (error) {
    at('fault').textContent = say('failed', { why: error.message });
    at('fault').hidden = false;
    throw error;
  }
}

let timer;
/** What comes in a second is shown at once; a chart that moves with every beat says no more. */
const soon = () => {
  timer ??= setTimeout(() => {
    timer = undefined;
    askAll().catch(() => undefined);
  }, 500);
};

let following;
whenSignedIn(async () => {
  following?.close();
  await askAll().catch(() => undefined);
  if (!shown) return;
  following = live({
    topics: ['device-alert', 'device-alert-resolved', 'device-status-changed', 'cied-transmission', 'task-assigned'],
    patient: shown.patient.id,
    onAll: askAll,
    onEvent: soon,
  });
});
session.addEventListener('over', () => following?.close());
at('hours').addEventListener('change', () => askAll().catch(() => undefined));
new MutationObserver(() => shown && show()).observe(document.documentElement, { attributeFilter: ['data-theme'] });
keys({ b: () => location.assign('/cardiac/') });
