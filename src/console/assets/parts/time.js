/** Instants for people: 24 hours, and the zone wherever a time stands alone. */
import { locale, say } from './words.js';

/** Day, month, year, in English too. */
const tag = locale === 'en' ? 'en-GB' : locale;
const format = (options) => new Intl.DateTimeFormat(tag, { hourCycle: 'h23', ...options });
const seconds = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const whole = format({ year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });
const days = format({ year: 'numeric', month: 'short', day: 'numeric' });

const instant = (at) => new Date(at);
const isNone = (at) => at === undefined || at === null || Number.isNaN(instant(at).getTime());

/** `10:42:07`, of today. */
export const clock = (at) => (isNone(at) ? '' : seconds.format(instant(at)));
/** `29 Nov 2026, 10:42 CET`. */
export const moment = (at) => (isNone(at) ? say('ago.never') : whole.format(instant(at)));
export const day = (at) => (isNone(at) ? '' : days.format(instant(at)));
/** Name of the zone that all times of this page are in. */
export const zone = () => format({ timeZoneName: 'short' }).formatToParts(0).find(({ type }) => type === 'timeZoneName').value;

/** How long ago, in the largest unit that says enough. */
export function ago(at, now = Date.now()) {
  if (isNone(at)) return say('ago.never');
  const minutes = Math.floor((now - instant(at).getTime()) / 60_000);
  if (minutes < 1) return say('ago.now');
  if (minutes < 60) return say('ago.minutes', { count: minutes });
  if (minutes < 48 * 60) return say('ago.hours', { count: Math.floor(minutes / 60) });
  return say('ago.days', { count: Math.floor(minutes / 1_440) });
}

/** `00:03` or `26:11`: hours and minutes since then. */
export function since(at, now = Date.now()) {
  if (isNone(at)) return '';
  const minutes = Math.max(0, Math.floor((now - instant(at).getTime()) / 60_000));
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** A `<time>` that says it in full to whoever asks. */
export function timeElement(at, text = moment(at)) {
  const element = document.createElement('time');
  if (!isNone(at)) {
    element.dateTime = instant(at).toISOString();
    element.title = moment(at);
  }
  element.textContent = text;
  return element;
}
