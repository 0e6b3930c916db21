/** HTML as text in which nothing that came from outside can be markup: a tag for templates that escapes what stands in them. https://html.spec.whatwg.org/multipage/syntax.html */

/** Markup that this server wrote. Made by `html` alone: an object that only looks like it, out of somebody's JSON, is refused. */
export interface Html {
  readonly markup: string;
}
const made = new WeakSet<object>();
type Part = string | number | Html | false | undefined | readonly Part[];

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Also what turns the reading order round or cannot be seen: a name must not pretend to be another text. */
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

export const escaped = (text: string): string => text.replace(unseen, '').replace(/[&<>"']/g, (sign) => escapes[sign]!);

function markupOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return String(part);
  if (!('markup' in part)) return part.map(markupOf).join('');
  if (!made.has(part)) throw new TypeError('this is no Html of ours');
  return part.markup;
}

/** Texts and numbers are escaped, for elements and quoted attributes alike; Html stays; lists are joined; undefined and false are nothing. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const whole = { markup: literals.reduce((text, literal, i) => text + markupOf(parts[i - 1]) + literal) };
  made.add(whole);
  return whole;
}

/** A name that somebody else chose: kept apart from the direction of the text around it, and no longer than a line or two. */
export const named = (name: string): Html => {
  const signs = [...name];
  return html`<bdi>${signs.length > 120 ? `${signs.slice(0, 119).join('')}…` : name}</bdi>`;
};
