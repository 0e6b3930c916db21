/** Live events with what a page owes its readers: how fresh it is, what was missed, and another way where streams are blocked. docs/live-events.md */
import { createAgain } from './again.js';
import { look } from './session.js';
import { clock } from './time.js';
import { say } from './words.js';

const at = (id) => document.getElementById(id);
/** The server gives a sign of life every two seconds; without one for so long the line is cut. Milliseconds. */
const SILENCE = 4_500;
/** A server that is started anew is back before anybody need be told. */
const GRACE = 2_500;
const POLL = 30_000;
/** Refusals in a row after which streams are held to be blocked, and milliseconds of failing. */
const TRIES = 3;
const BLOCKED = 13_500;
/** How often a line that stays silent is tried anew. */
const AGAIN = 10_000;

/**
 * `onEvent({ topic, ... })` for each event of the topics, also of those that were missed; `onAll()` where all is to be asked for: at first,
 * after a reset or a pause, and at each poll. `patient()` is whose events these are, once that is known. What is asked for by `again` of
 * what this returns, as by `onAll`, is asked for again where it fails, and the page says meanwhile that it is not live.
 */
export function live({ topics, patient, onEvent, onAll }) {
  let source;
  let [lastBeat, lastEvent, failures] = [0, 0, 0];
  let isClosed = false;
  let isPaused = false;
  let [watch, poll, retry, lostAt, fault] = [];
  let [begunAt, openedAt] = [0, 0];
  const gone = new AbortController();
  const { again, close: forget } = createAgain((now) => {
    fault = now;
    tell();
  });

  function state() {
    if (isPaused) return 'paused';
    if (fault || (lostAt && !poll)) return 'lost';
    return poll ? 'polling' : lastBeat ? 'on' : 'connecting';
  }
  function banner() {
    const lost = () => say('stale', { time: clock(lostAt ?? begunAt) });
    if (poll) return fault ? lost() : say('stale.polling');
    if (lostAt && Date.now() - lostAt > GRACE) return lost();
    return fault && say('stale.fault', { why: fault.message });
  }
  function head(now) {
    at('live').dataset.state = now;
    at('live-words').textContent = say(`live.${now}`);
  }
  function tell() {
    // What is said of a session that is over stays.
    if (isClosed || document.documentElement.dataset.session === 'over') return;
    const text = banner();
    head(state());
    at('live-age').textContent = lastEvent ? say('live.last', { time: clock(lastEvent) }) : '';
    at('stale').hidden = !text;
    if (at('stale').textContent !== (text ?? '')) at('stale').textContent = text ?? '';
  }

  function lost() {
    lostAt ??= lastBeat || Date.now();
    tell();
  }

  let lastId = '';
  const keep = ({ lastEventId }) => {
    if (lastEventId) lastId = lastEventId;
  };

  function open() {
    if (isClosed) return;
    clearTimeout(retry);
    source?.close();
    openedAt = Date.now();
    const whose = patient?.();
    if (patient && !whose) return void (retry = setTimeout(open, 500));
    const asked = new URLSearchParams({ topics: topics.join(','), ...(whose && { patient: whose }), ...(lastId && { after: lastId }) });
    source = new EventSource(`/events?${asked}`);
    const hear = (name, act) =>
      source.addEventListener(name, (event) => {
        keep(event);
        act(event);
      });
    hear('beat', () => {
      lastBeat = Date.now();
      failures = 0;
      lostAt = undefined;
      clearInterval(poll);
      poll = undefined;
      tell();
    });
    for (const topic of topics)
      hear(topic, ({ data }) => {
        lastEvent = Date.now();
        tell();
        onEvent(JSON.parse(data));
      });
    hear('reset', () => again(onAll));
    hear('end', ({ data }) => {
      if (JSON.parse(data).why === 'signed-out') look();
    });
    source.onerror = () => {
      lost();
      // What the browser does not try again by itself: another status than 200.
      if (source.readyState !== EventSource.CLOSED) return;
      failures++;
      look();
      if (failures >= TRIES) startPolling();
      retry = setTimeout(open, failures >= TRIES ? 2 * POLL : 2_000);
    };
  }

  function startPolling() {
    if (poll) return;
    poll = setInterval(() => again(onAll), POLL);
    again(onAll);
    tell();
  }

  function begin() {
    isClosed = false;
    begunAt = Date.now();
    tell();
    again(onAll);
    open();
    watch = setInterval(() => {
      const now = Date.now();
      // A line that is cut without a word is opened anew, and again where that stays silent too.
      const isSilent = lastBeat > 0 && now - lastBeat > SILENCE;
      if (isSilent && (!lostAt || now - openedAt > AGAIN) && !poll) {
        lost();
        open();
      }
      // Proxies that hold a stream back let it open and say nothing.
      if (now - Math.max(lastBeat, begunAt) > BLOCKED) startPolling();
      tell();
    }, 500);
  }

  function close() {
    isClosed = true;
    source?.close();
    clearInterval(watch);
    clearInterval(poll);
    clearTimeout(retry);
    poll = undefined;
  }

  const { signal } = gone;
  addEventListener('offline', lost, { signal });
  addEventListener('online', open, { signal });
  addEventListener('pagehide', close, { signal });
  addEventListener('pageshow', (event) => event.persisted && begin(), { signal });

  begin();
  return {
    again,
    close() {
      gone.abort();
      forget();
      close();
      head('off');
    },
    isPaused: () => isPaused,
    /** The page says so, and moves nothing; what it hears it may still say. */
    pause() {
      isPaused = true;
      tell();
    },
    resume() {
      isPaused = false;
      tell();
      again(onAll);
    },
  };
}
