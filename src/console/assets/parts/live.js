/** Live events with what a page owes its readers: how fresh it is, what was missed, and another way where streams are blocked. docs/live-events.md */
import { Refused } from './ask.js';
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
const MOST_HELD = 1_000;

/**
 * `onEvent({ topic, ... }, isReplay)` for each event of the topics; `onAll()` where all is to be asked for: at first, after a reset,
 * and at each poll. Both may be asynchronous. Returns `pause`, `resume` and `close`.
 */
export function live({ topics, patient, onEvent, onAll }) {
  let source;
  let [lastBeat, lastEvent, failures] = [0, 0, 0];
  let isReplay = true;
  let isClosed = false;
  let held;
  let [watch, poll, retry, lostAt] = [];
  let [begunAt, openedAt] = [0, 0];

  /** False where the server did not answer; what it refuses is the page's to tell. */
  async function all() {
    try {
      await onAll();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return false;
    }
  }

  function tell(state) {
    at('live').dataset.state = held ? 'paused' : state;
    at('live-words').textContent = say(held ? 'live.paused' : `live.${state}`);
    at('live-age').textContent = lastEvent ? say('live.last', { time: clock(lastEvent) }) : '';
  }
  function banner(text) {
    at('stale').hidden = text === undefined;
    at('stale').textContent = text ?? '';
  }
  const fresh = () => {
    lostAt = undefined;
    if (document.documentElement.dataset.session !== 'over') banner(undefined);
    clearInterval(poll);
    poll = undefined;
  };

  function lost() {
    lostAt ??= lastBeat || Date.now();
    if (!poll) tell('lost');
  }

  function hand(event) {
    const about = JSON.parse(event.data);
    lastEvent = Date.now();
    tell('on');
    if (!held) return onEvent(about, isReplay);
    if (held.length < MOST_HELD) held.push(about);
    else held.isTooMuch = true;
  }

  function open() {
    if (isClosed) return;
    clearTimeout(retry);
    source?.close();
    openedAt = Date.now();
    const asked = new URLSearchParams({ topics: topics.join(',') });
    if (patient) asked.set('patient', patient);
    if (lastId) asked.set('after', lastId);
    source = new EventSource(`/events?${asked}`);
    if (!lastBeat) tell('connecting');
    isReplay = true;
    source.addEventListener('beat', (event) => {
      keep(event);
      lastBeat = Date.now();
      isReplay = false;
      failures = 0;
      fresh();
      tell('on');
    });
    for (const topic of topics)
      source.addEventListener(topic, (event) => {
        keep(event);
        hand(event);
      });
    source.addEventListener('reset', (event) => {
      keep(event);
      all();
    });
    source.addEventListener('end', (event) => {
      if (JSON.parse(event.data).why === 'signed-out') look();
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

  let lastId = '';
  const keep = ({ lastEventId }) => {
    if (lastEventId) lastId = lastEventId;
  };

  async function ask() {
    const isAnswered = await all();
    if (!poll) return;
    tell(isAnswered ? 'polling' : 'lost');
    banner(isAnswered ? say('stale.polling') : say('stale', { time: clock(lostAt ?? begunAt) }));
  }
  function startPolling() {
    if (poll) return;
    poll = setInterval(ask, POLL);
    ask();
  }

  function begin() {
    isClosed = false;
    begunAt = Date.now();
    all();
    open();
    watch = setInterval(() => {
      const now = Date.now();
      // A line that is cut without a word is opened anew, and again where that stays silent too.
      const isSilent = lastBeat > 0 && now - lastBeat > SILENCE;
      if (isSilent && (!lostAt || now - openedAt > AGAIN) && !poll) {
        lost();
        open();
      }
      if (poll) return;
      if (lostAt && now - lostAt > GRACE) banner(say('stale', { time: clock(lostAt) }));
      // Proxies that hold a stream back let it open and say nothing.
      if (now - Math.max(lastBeat, begunAt) > BLOCKED) startPolling();
    }, 500);
  }

  addEventListener('offline', lost);
  addEventListener('online', open);
  addEventListener('pagehide', close);
  addEventListener('pageshow', (event) => event.persisted && begin());

  function close() {
    isClosed = true;
    source?.close();
    clearInterval(watch);
    clearInterval(poll);
    clearTimeout(retry);
    poll = undefined;
  }

  begin();
  return {
    close,
    isPaused: () => held !== undefined,
    /** Events are held, nothing on the page moves. */
    pause() {
      held ??= [];
      tell('paused');
    },
    resume() {
      const missed = held ?? [];
      held = undefined;
      tell('on');
      if (missed.isTooMuch) all();
      else for (const about of missed) onEvent(about, true);
    },
  };
}
