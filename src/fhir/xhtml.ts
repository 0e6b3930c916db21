/** Narrative: tells in one pass whether a div is the XHTML that FHIR allows and no browser runs. https://hl7.org/fhir/R4/narrative.html#xhtml */
import { entityNames } from './xhtml-entities.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

const elements = words(
  'a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li map ol p pre q s samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var',
);

const attributes = words(
  'abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class color colspan compact coords dir face frame headers height href hreflang hspace id lang longdesc name nohref noshade nowrap rel rev rowspan rules scope shape size span src start style summary tabindex target title type usemap valign value vspace width xml:id xml:lang xml:space xmlns',
);

const xhtmlNamespace = 'http://www.w3.org/1999/xhtml';
const deepest = 200;

interface Scan {
  readonly text: string;
  at: number;
  readonly open: string[];
  hasContent: boolean;
}

/** What is wrong with a narrative's div, as a sentence; undefined when nothing is. Linear in its length. */
export function xhtmlFault(text: string): string | undefined {
  const scan: Scan = { text, at: spaceEnd(text, 0), open: [], hasContent: false };
  if (!text.startsWith('<div', scan.at)) return 'the narrative must be one div element';
  do {
    const fault = text[scan.at] === '<' ? markup(scan) : characters(scan);
    if (fault !== undefined) return fault;
  } while (scan.open.length > 0 && scan.at < text.length);
  if (scan.open.length > 0) return 'an element is not closed';
  if (spaceEnd(text, scan.at) !== text.length) return 'the narrative must be one div element';
  return scan.hasContent ? undefined : 'the narrative has no content';
}

function markup(scan: Scan): string | undefined {
  const { text, at } = scan;
  if (text.startsWith('<!--', at)) return comment(scan);
  if (text[at + 1] === '!' || text[at + 1] === '?')
    return 'declarations, sections and processing instructions are not allowed';
  return text[at + 1] === '/' ? endTag(scan) : startTag(scan);
}

function comment(scan: Scan): string | undefined {
  const end = scan.text.indexOf('--', scan.at + 4);
  if (end < 0 || scan.text[end + 2] !== '>') return 'a comment is not well-formed';
  scan.at = end + 3;
  return undefined;
}

function endTag(scan: Scan): string | undefined {
  const from = scan.at + 2;
  const end = nameEnd(scan.text, from);
  if (scan.open.pop() !== scan.text.slice(from, end)) return 'an end tag does not match its start tag';
  scan.at = spaceEnd(scan.text, end);
  return close(scan);
}

const close = (scan: Scan): string | undefined =>
  scan.text[scan.at++] === '>' ? undefined : 'a tag is not well-formed';

function startTag(scan: Scan): string | undefined {
  const from = scan.at + 1;
  const end = nameEnd(scan.text, from);
  const name = scan.text.slice(from, end);
  if (!elements.has(name)) return 'an element is not allowed in a narrative';
  const isRoot = scan.open.length === 0;
  const seen: string[] = [];
  scan.at = end;
  for (;;) {
    const next = spaceEnd(scan.text, scan.at);
    const char = scan.text[next];
    if (char === '>' || char === '/') {
      scan.at = next;
      break;
    }
    if (next === scan.at) return 'a tag is not well-formed';
    scan.at = next;
    const fault = attribute(scan, name, seen);
    if (fault !== undefined) return fault;
  }
  if (isRoot && !seen.includes('xmlns')) return 'the div must be in the XHTML namespace';
  if (name === 'img') scan.hasContent = true;
  if (scan.text[scan.at] === '/') {
    scan.at++;
    return close(scan);
  }
  if (scan.open.push(name) > deepest) return 'elements are nested too deep';
  return close(scan);
}

function attribute(scan: Scan, element: string, seen: string[]): string | undefined {
  const { text } = scan;
  const end = nameEnd(text, scan.at);
  const name = text.slice(scan.at, end);
  if (!attributes.has(name)) return 'an attribute is not allowed in a narrative';
  if (seen.includes(name)) return 'an attribute is repeated';
  seen.push(name); // never longer than the list of allowed names
  let at = spaceEnd(text, end);
  if (text[at] !== '=') return 'an attribute has no value';
  at = spaceEnd(text, at + 1);
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return 'an attribute is not quoted';
  const close = text.indexOf(quote, at + 1);
  if (close < 0) return 'an attribute is not closed';
  const value = decoded(text.slice(at + 1, close));
  scan.at = close + 1;
  if (value === undefined || value.includes('<')) return 'an entity or an attribute is not well-formed';
  return attributeFault(element, name, value);
}

function attributeFault(element: string, name: string, value: string): string | undefined {
  if (name === 'xmlns') return value === xhtmlNamespace ? undefined : 'the div must be in the XHTML namespace';
  if (name === 'style') return styleFault(value.toLowerCase());
  if (name === 'src' || name === 'href' || name === 'cite' || name === 'longdesc' || name === 'usemap')
    return linkFault(element, name, bare(value).toLowerCase());
  return undefined;
}

/** Browsers skip control characters and white space when they look for a scheme. */
const bare = (value: string): string => value.replace(/[\u0000-\u0020\u007f]+/g, '');

function schemeOf(link: string): string | undefined {
  const colon = link.indexOf(':');
  const end = link.search(/[/?#]/);
  return colon < 0 || (end >= 0 && end < colon) ? undefined : link.slice(0, colon);
}

const linkSchemes = words('http https mailto tel urn ftp cid');

function linkFault(element: string, name: string, link: string): string | undefined {
  const scheme = schemeOf(link);
  if (element === 'img' && name === 'src') {
    if (link.startsWith('//') || link.startsWith('\\')) return 'an image must not be fetched from elsewhere';
    if (scheme === undefined) return undefined;
    return link.startsWith('data:image/') && !link.startsWith('data:image/svg')
      ? undefined
      : 'an image must not be fetched from elsewhere';
  }
  return scheme === undefined || linkSchemes.has(scheme) ? undefined : 'a link has a scheme that is not allowed';
}

const activeStyles = [
  'url(',
  'expression',
  'javascript',
  'vbscript',
  'behavior',
  '@import',
  '-moz-binding',
  'image(',
  'image-set',
  '\\',
  '/*',
];

const styleFault = (style: string): string | undefined =>
  activeStyles.some((active) => style.includes(active)) ? 'a style must not fetch or run anything' : undefined;

function characters(scan: Scan): string | undefined {
  const { text } = scan;
  while (scan.at < text.length) {
    const code = text.charCodeAt(scan.at);
    if (code === 0x3c) return undefined;
    if (code === 0x26) {
      const end = text.indexOf(';', scan.at);
      if (end < 0 || end - scan.at > 10 || entity(text.slice(scan.at + 1, end)) === undefined)
        return 'an entity is not known';
      scan.at = end + 1;
      scan.hasContent = true;
      continue;
    }
    if (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return 'control characters are not allowed';
    if (code > 0x20) scan.hasContent = true;
    scan.at++;
  }
  return undefined;
}

const longestWithEntities = 65_536;

/** The text with its entities replaced; undefined when one is unknown. */
function decoded(text: string): string | undefined {
  if (!text.includes('&')) return text;
  if (text.length > longestWithEntities) return undefined;
  const parts = text.split('&');
  let result = parts[0]!;
  for (const part of parts.slice(1)) {
    const end = part.indexOf(';');
    const value = end > 0 && end <= 10 ? entity(part.slice(0, end)) : undefined;
    if (value === undefined) return undefined;
    result += value + part.slice(end + 1);
  }
  return result;
}

const xmlEntities: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The character that an entity stands for; a letter of its own for the named ones of HTML, which mean no markup. */
function entity(name: string): string | undefined {
  if (name[0] !== '#') return xmlEntities.get(name) ?? (entityNames.has(name) ? 'x' : undefined);
  const isHex = name[1] === 'x';
  const digits = name.slice(isHex ? 2 : 1);
  if (!(isHex ? /^[0-9A-Fa-f]{1,6}$/ : /^[0-9]{1,7}$/).test(digits)) return undefined;
  const code = Number.parseInt(digits, isHex ? 16 : 10);
  const isChar =
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff));
  return isChar ? String.fromCodePoint(code) : undefined;
}

function spaceEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x09 && code !== 0x0d) return at;
    at++;
  }
}

function nameEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    const isName =
      (code >= 0x61 && code <= 0x7a) ||
      (code >= 0x30 && code <= 0x3a) ||
      (code >= 0x41 && code <= 0x5a) ||
      code === 0x2d ||
      code === 0x5f;
    if (!isName) return at;
    at++;
  }
}
