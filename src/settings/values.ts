/** How the value of a setting is read: what it comes to, or an Error whose message says what is accepted. docs/configuration.md */
import { uriObjection } from '../store/mongodb-uri.ts';

export const oneOf =
  (...allowed: readonly string[]) =>
  (text: string) => {
    if (!allowed.includes(text)) throw new Error(`must be one of ${allowed.join(', ')}`);
    return text;
  };
export const whole = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw new Error(`must be a whole number from ${low} to ${high}`);
  return value;
};
export const httpUrl = (text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw new Error('must be an http or https URL');
  return text.replace(/\/+$/, '');
};
export const storeUrl = (text: string) => {
  if (text === 'sqlite') return text;
  if (!/^mongodb(\+srv)?:/.test(text))
    throw new Error('must be sqlite, or a URI that begins with mongodb:// or mongodb+srv://');
  const objection = uriObjection(text);
  if (objection !== undefined) throw new Error(objection);
  return text;
};
export const release = (text: string) => {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(text)) throw new Error('must be one release in full, such as 8.0.17');
  return text;
};
export const hostPorts = (text: string) => {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  for (const entry of entries) {
    if (!/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(entry))
      throw new Error('must be a list of host:port, separated by commas');
  }
  return entries;
};
export const secret = (text: string) => {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Error('must be letters, digits and signs without blanks');
  return text;
};
/** For a setting that may be left out: then there is no value. */
export const optional = (parse: (text: string) => unknown) => (text: string) => (text === '' ? undefined : parse(text));
export const onOff = (text: string) => oneOf('true', 'false')(text.toLowerCase()) === 'true';
export const zone = (given: string) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: given });
  } catch {
    throw new Error('must be an IANA time zone, such as Europe/Paris');
  }
  return given;
};
