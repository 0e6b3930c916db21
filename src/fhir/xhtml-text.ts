/** The text of a narrative, for those who look for words in it. https://hl7.org/fhir/R4/narrative.html#xhtml */

const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Tags that change how a piece of a word looks, and do not end it. */
const inline: ReadonlySet<string> = new Set(
  'a abbr acronym b bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var'.split(
    ' ',
  ),
);

/** The text of an XHTML fragment, each tag a blank that ends a word as it does on a screen. One pass, whatever is left open. */
export function withoutTags(html: string): string {
  let text = '';
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at);
    if (open < 0) return withCharacters(text + html.slice(at));
    text += html.slice(at, open);
    if (html.startsWith('<!--', open)) at = after(html, '-->', open + 4);
    else {
      if (!inline.has(tagAt(html, open + 1))) text += ' ';
      at = afterTag(html, open + 1);
    }
  }
  return withCharacters(text);
}

/** The name in the tag that begins here, an end tag's too; '' where none is known that long. */
const tagAt = (html: string, from: number): string =>
  /^\/?([a-z]{1,7})(?![\w:.-])/i.exec(html.slice(from, from + 9))?.[1]?.toLowerCase() ?? '';

function after(html: string, end: string, from: number): number {
  const at = html.indexOf(end, from);
  return at < 0 ? html.length : at + end.length;
}

function afterTag(html: string, from: number): number {
  for (let at = from; at < html.length; at++) {
    const char = html[at]!;
    if (char === '>') return at + 1;
    if (char === '"' || char === "'") at = after(html, char, at + 1) - 1;
  }
  return html.length;
}

const withCharacters = (text: string): string =>
  text.includes('&')
    ? text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([A-Za-z]{1,8}\d{0,2}));/g, (_, decimal, hex, name) => {
        if (name !== undefined) return characters[name] ?? accented(name);
        const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
        return code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
      })
    : text;

/** `&Uuml;` and its like as the letter alone, since whoever compares words folds them; any other named character is no part of one. */
const accented = (name: string): string => {
  const letter = /^([A-Za-z])(?:grave|acute|circ|tilde|uml|ring|cedil|caron)$/.exec(name)?.[1];
  return letter ?? letters[name] ?? ' ';
};
const letters: Readonly<Record<string, string>> = {
  szlig: 'ß',
  aelig: 'æ',
  AElig: 'Æ',
  oslash: 'ø',
  Oslash: 'Ø',
  eth: 'ð',
  ETH: 'Ð',
  thorn: 'þ',
  THORN: 'Þ',
  oelig: 'œ',
  OElig: 'Œ',
  micro: 'µ',
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  delta: 'δ',
  mu: 'μ',
  omega: 'ω',
  Delta: 'Δ',
  Omega: 'Ω',
};
