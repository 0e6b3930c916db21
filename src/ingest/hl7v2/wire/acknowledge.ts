/** The answer to a message, in original and enhanced mode. HL7 v2.5.1 section 2.9 */
import type { Delimiters } from './delimiters.ts';
import { usual } from './delimiters.ts';
import { escaped } from './escapes.ts';
import type { Hl7Message } from './message.ts';
import { dtm } from './times.ts';

/** AA: stored. AE: kept, but not taken in; to send it again changes nothing. AR: not stored; send it again later. */
export type Verdict = 'AA' | 'AE' | 'AR';

/** Codes of table 0357. */
const conditions = {
  0: 'Message accepted',
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  200: 'Unsupported message type',
  204: 'Unknown key identifier',
  207: 'Application internal error',
} as const;

export interface Remark {
  readonly condition: keyof typeof conditions;
  /** Where: `MSH^1^10`. */
  readonly location?: string;
  /** For people; no value of the message. */
  readonly sentence: string;
}

export interface Acknowledging {
  readonly verdict: Verdict;
  readonly remarks?: readonly Remark[];
  /** MSH-10 of the answer; at most 20 characters. */
  readonly id: string;
  readonly now: number;
  readonly zone: string;
}

/** What of another's header is echoed, at most. */
const MOST_ECHO = 1_000;

const echo = (text: string) => text.slice(0, MOST_ECHO).replace(/[\u0000-\u001f]/g, '');

const isSince = (version: string, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
};

/** Words of table 0155. Any other says nothing: who errs in it still waits for an answer. */
const wishes = ['AL', 'NE', 'ER', 'SU'] as const;
type Wish = (typeof wishes)[number] | '';
const wishIn = (said: string | undefined): Wish => wishes.find((wish) => wish === said?.trim().toUpperCase()) ?? '';
const isWished = (wish: string, verdict: Verdict): boolean =>
  wish === 'AL' || (wish === 'SU' && verdict === 'AA') || (wish === 'ER' && verdict !== 'AA');

/**
 * Which code is answered; undefined where none is wished. In enhanced mode both acknowledgements stand at the same moment, since a
 * message is stored with all that follows from it: where that of the application is wished it says the more, and stands alone.
 */
function codeFor(message: Hl7Message | undefined, verdict: Verdict): string | undefined {
  const header = message?.first('MSH');
  const accept = wishIn(header?.get(15));
  const application = wishIn(header?.get(16));
  if (accept === '' && application === '') return verdict;
  if (isWished(application, verdict)) return verdict;
  return isWished(accept, verdict) ? verdict.replace('A', 'C') : undefined;
}

/** One segment a line, ended by CR; undefined where the sender wishes no answer. */
export function acknowledgement(message: Hl7Message | undefined, of: Acknowledging): string | undefined {
  const code = codeFor(message, of.verdict);
  return code === undefined ? undefined : written(message, code, of);
}

/** The same, also where none is wished: HTTP has to answer. */
export const anyAcknowledgement = (message: Hl7Message | undefined, of: Acknowledging): string =>
  written(message, codeFor(message, of.verdict) ?? of.verdict, of);

function written(message: Hl7Message | undefined, code: string, of: Acknowledging): string {
  const { verdict, remarks = [], id, now, zone } = of;
  const delimiters: Delimiters = message?.delimiters ?? usual;
  const { field: bar, component: hat, repetition, escape: mark, subcomponent, truncation } = delimiters;
  const header = message?.first('MSH');
  const sent = (number: number) => echo(header?.raw(number) ?? '');
  const version = message?.version || '2.5.1';
  const text = (sentence: string) => escaped(sentence, delimiters);
  const event = message?.event ? [`ACK`, echo(message.event), 'ACK'].join(hat) : 'ACK';
  const type = isSince(version, 2, 4) ? event : event.split(hat, 2).join(hat);
  const fields = [
    sent(5) || 'WATCHFIRE',
    sent(6),
    sent(3),
    sent(4),
    dtm(now, zone),
    '',
    type,
    id,
    sent(11) || 'P',
    sent(12) || version,
  ];
  const controlId = sent(10);
  const [first] = remarks;
  const own = [
    ['MSA', code, controlId, ...(verdict === 'AA' || first === undefined ? [] : [text(first.sentence)])].join(bar),
    ...(isSince(version, 2, 5)
      ? remarks.map(({ condition, location, sentence }) => {
          const name = [condition, text(conditions[condition]), 'HL70357'].join(hat);
          const where = (location ?? '').replaceAll('^', hat);
          return ['ERR', '', where, name, verdict === 'AA' ? 'W' : 'E', '', '', '', text(sentence)].join(bar);
        })
      : []),
  ];
  const isAscii = /^[\u0000-\u007f]*$/.test([...fields, ...own].join(''));
  const charset = isAscii ? [] : ['', '', '', '', '', 'UNICODE UTF-8'];
  const encoding = hat + repetition + mark + subcomponent + truncation;
  return [[`MSH${bar}${encoding}`, ...fields, ...charset].join(bar), ...own, ''].join('\r');
}
