/** A message of mail as text: header and body in ASCII, whatever they say. https://www.rfc-editor.org/rfc/rfc5322, https://www.rfc-editor.org/rfc/rfc2047 */

export interface Mail {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly isUrgent: boolean;
  /** Milliseconds. */
  readonly at: number;
}

/** One address without a name, that no header and no command can be smuggled in with. */
export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** Encoded words of at most 75 signs, split between characters. */
function encodedSubject(text: string): string {
  if (/^[\x20-\x7e]{0,60}$/.test(text)) return text;
  const words: string[] = [];
  let word = '';
  for (const sign of text.replace(/[\r\n]+/g, ' ')) {
    if (Buffer.byteLength(word + sign) > 42) {
      words.push(word);
      word = '';
    }
    word += sign;
  }
  return [...words, word].map((one) => `=?UTF-8?B?${base64(one)}?=`).join('\r\n ');
}

export function mailText({ id, from, to, subject, text, isUrgent, at }: Mail): string {
  const domain = from.slice(from.indexOf('@') + 1);
  const header = [
    `From: Watchfire <${from}>`,
    `To: <${to}>`,
    `Subject: ${encodedSubject(subject)}`,
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${domain}>`,
    'Auto-Submitted: auto-generated',
    ...(isUrgent ? ['Importance: high', 'X-Priority: 1'] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  const body = base64(text).replace(/.{76}/g, '$&\r\n');
  return `${header.join('\r\n')}\r\n\r\n${body}\r\n`;
}
