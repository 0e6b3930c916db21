/** What is this server's own of a text in the language of the page; what others wrote stays as written. docs/dashboard.md */
import { locale, moment, say } from '../page.js';

const words = (key) => {
  const text = say(key);
  return text === key ? undefined : text;
};

/** What an alert is of: here its message is in English. */
export function alertText({ type, alert_type: code = type, message, beyond, besides, own }) {
  if (own) {
    const [sentence, { since, until, ...values }] = own;
    return say(`cardiac.own.${sentence}`, { since: since && moment(since), until: until && moment(until), ...values });
  }
  const kind = locale === 'en' ? undefined : words(`cardiac.alert.${code}`);
  if (!kind || (code === 'device-alert' && besides)) return message;
  const [way, more] = [beyond && ` ${say(`cardiac.beyond.${beyond}`)}`, besides && `: ${besides}`];
  return [kind, way, more].filter(Boolean).join('');
}

/** Who it was; the administrator's token has no name. */
export const whoText = (name) => (name === 'Client/admin' ? say('administrator') : name);

/** Of a value; `channel` is what its text says besides its kind. */
export const valueName = ({ kind, name, channel }) => (channel === null ? name : say(`cardiac.kind.${kind}`) + channel);
/** What a patient may answer; what somebody wrote in its place stays. */
export const answerText = (text) => words(`cardiac.answer.${text}`) ?? text;
export const unitText = (unit) => words(`cardiac.unit.${unit}`) ?? unit ?? '';
