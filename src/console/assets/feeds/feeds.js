/** How what comes in is doing: makers that are asked, and doors that others use. Live where an event tells of it, else every 30 seconds. docs/dashboard.md */
import { ago, ask, clock, createList, element, keys, live, moment, rowsOf, say, session, timeElement, whenSignedIn } from '../page.js';

const at = (id) => document.getElementById(id);
const body = at('rows');
const rank = ['failing', 'attention', 'ok', 'idle', 'off'];
const POLL = 30_000;
/** Milliseconds within which events are answered together. */
const TOGETHER = 1_500;

const nameOf = ({ kind, name }) =>
  kind === 'door' ? say(`feeds.door.${name}`) : name.replace(/(^|-)(\w)/g, (_, dash, letter) => (dash && ' ') + letter.toUpperCase());
const reasonOf = ({ name, reason }) => {
  if (name === 'iot-files') return say('feeds.why.file');
  return name === 'hl7v2' ? say(`feeds.why.${reason}`) : (reason ?? '');
};
const lines = (...texts) => texts.filter(Boolean).map((text) => element('div', {}, text));

function healthOf({ health, state, why }) {
  const told = why ?? (state === 'no-credential' || state === 'waiting' ? say(`feeds.state.${state}`) : '');
  return [element('span', { class: `health ${health}` }, say(`feeds.health.${health}`)), ...lines(told && element('bdi', { class: 'hint' }, told))];
}

function countsOf({ name, counts, health }) {
  const parts = ['success', 'failure', 'duplicate', 'missing']
    .filter((key) => counts[key] !== undefined && (counts[key] > 0 || key === 'success' || key === 'failure'))
    .map((key) => say(`feeds.count.${key}`, { count: counts[key] }));
  const aside = element('a', { href: `/quarantine#${name}`, 'aria-label': `${nameOf({ name, kind: '' })}: ${say('feeds.count.quarantined', { count: counts.quarantined })}` }, say('feeds.count.quarantined', { count: counts.quarantined }));
  return [...(health === 'off' ? [] : lines(parts.join(' · '))), element('div', {}, aside)];
}

const moreOf = (feed) =>
  lines(
    feed.polling_since && say('feeds.now', { time: clock(feed.polling_since) }),
    !feed.polling_since && feed.next_poll && say('feeds.next', { time: clock(feed.next_poll) }),
    feed.breaker && say(`feeds.breaker.${feed.breaker}`),
    feed.quota_remaining !== null && feed.quota_remaining !== undefined && say('feeds.quota', { count: feed.quota_remaining }),
    feed.devices > 0 && say('feeds.devices', { count: feed.devices }),
    feed.acknowledgements_waiting > 0 && say('feeds.acknowledgements', { count: feed.acknowledgements_waiting }),
    feed.port && say('feeds.port', { port: feed.port }),
    feed.connections !== null && feed.connections !== undefined && say('feeds.connections', { count: feed.connections }),
    feed.waiting > 0 && say('feeds.files', { count: feed.waiting }),
  );

const when = (time) => (time ? timeElement(time, `${ago(time)}, ${clock(time)}`) : say('feeds.none'));

function update(row, feed) {
  row.feed = feed;
  row.dataset.health = feed.health;
  const [name, health, success, failure, counts, more] = row.children;
  name.replaceChildren(element('strong', {}, nameOf(feed)), ...lines(feed.kind === 'maker' && element('span', { class: 'hint' }, say('feeds.maker'))));
  health.replaceChildren(...healthOf(feed));
  const isOff = feed.health === 'off';
  success.replaceChildren(isOff ? '' : when(feed.last_success));
  failure.replaceChildren(isOff ? '' : when(feed.last_failure), ...lines(feed.last_failure && element('bdi', { class: 'hint' }, reasonOf(feed))));
  // What has the focus stays.
  const before = counts.querySelector('a');
  const parts = countsOf(feed);
  if (before === document.activeElement && before) {
    before.textContent = parts.at(-1).textContent;
    counts.replaceChildren(...parts.slice(0, -1), before.parentElement);
    before.focus({ preventScroll: true });
  } else counts.replaceChildren(...parts);
  more.replaceChildren(...moreOf(feed));
}
const columns = ['feeds.health', 'feeds.success', 'feeds.failure', 'feeds.counts', 'feeds.more'];
function make(feed) {
  const row = element('tr', {}, element('th', { scope: 'row' }), ...columns.map((name) => element('td', { 'data-label': say(name) })));
  update(row, feed);
  return row;
}
const bar = element('div', {});
at('figures').after(bar);
const list = createList({ body, bar, keyOf: ({ kind, name }) => `${kind} ${name}`, make, update });

function show({ feeds, quarantined, quarantined_is_more: isMore, checked_at }) {
  at('feeds').hidden = false;
  list.show(feeds.toSorted((a, b) => rank.indexOf(a.health) - rank.indexOf(b.health)));
  at('failing').textContent = feeds.filter(({ health }) => health === 'failing' || health === 'attention').length;
  at('quarantined').textContent = isMore ? `${quarantined}+` : quarantined;
  at('checked').textContent = say('feeds.checked', { time: moment(checked_at) });
  at('checked').title = checked_at;
}

let following;
let timer;
async function askAll() {
  if (following?.isPaused()) return;
  try {
    show(await ask('/console/api/feeds', { isQuiet: true }));
    at('fault').hidden = true;
  } catch (error) {
    if (error.status !== 403) throw error;
    at('fault').hidden = false;
    at('fault').textContent = say('feeds.forbidden');
    at('feeds').hidden = true;
    end();
  }
}
function end() {
  following?.close();
  clearInterval(timer);
}
whenSignedIn(() => {
  end();
  following = live({
    // A transmission that came in, and a Task for those who look after feeds, change what is told here.
    topics: ['cied-transmission', 'vital-sign-recorded', 'task-assigned'],
    onAll: askAll,
    onEvent: () => following.again(askAll, TOGETHER),
  });
  timer = setInterval(() => following.again(askAll), POLL);
});
session.addEventListener('over', end);

function pause() {
  if (!following) return;
  const isPaused = !following.isPaused();
  if (isPaused) following.pause();
  else following.resume();
  at('pause').setAttribute('aria-pressed', String(isPaused));
  at('pause').textContent = say(isPaused ? 'feeds.resume' : 'feeds.pause');
}
at('pause').addEventListener('click', pause);

const { here, step } = rowsOf(body, (row) => row?.querySelector('a').focus());
keys({
  j: () => step(1),
  k: () => step(-1),
  o: () => here()?.querySelector('a').click(),
  p: pause,
});
