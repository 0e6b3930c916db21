/** Asks the server in the name of whoever looks at this page. */
import { say } from './words.js';

/** `over` is heard when an answer says that nobody is signed in any more. */
export const asking = new EventTarget();
let isOver = false;
export const setOver = (over) => {
  isOver = over;
};

/** What went wrong, in words for a person. */
export class Refused extends Error {
  constructor(status, why, body) {
    super(why);
    this.status = status;
    this.body = body;
  }
  /** Whether the same may be answered a little later. */
  get isPassing() {
    return this.status < 400 || this.status > 499 || [401, 408, 429].includes(this.status);
  }
}

const BYTES = 'application/octet-stream';

/**
 * The parsed answer, its text where that is CSV, its bytes where it is no text; throws Refused for every other. Bytes are sent as they are. `isQuiet`: the page asks by itself, which keeps no session going.
 * Nothing is changed in the name of somebody whose session is over.
 */
export async function ask(path, { method = 'GET', body, isQuiet = false, signal } = {}) {
  if (isOver && method !== 'GET' && path !== '/console/session') throw new Refused(401, say('stale.session'));
  const headers = { 'X-Watchfire-Page': isQuiet ? 'quiet' : '1', Accept: 'application/json' };
  const isBytes = body instanceof Uint8Array;
  if (body !== undefined) headers['Content-Type'] = isBytes ? BYTES : 'application/json';
  let response;
  try {
    response = await fetch(path, { method, headers, body: isBytes ? body : body && JSON.stringify(body), signal, credentials: 'same-origin' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, say('failed.offline'));
  }
  if (response.ok && response.headers.get('content-type') === BYTES) return new Uint8Array(await response.arrayBuffer());
  const text = await response.text();
  if (response.ok && response.headers.get('content-type')?.startsWith('text/csv')) return text;
  let answer;
  try {
    answer = text === '' ? undefined : JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (response.ok) return answer;
  if (response.status === 401) asking.dispatchEvent(new Event('over'));
  throw new Refused(response.status, answer?.issue?.[0]?.diagnostics ?? answer?.error ?? `HTTP ${response.status}`, answer);
}
