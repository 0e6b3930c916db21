/** Exact surgery on JSON text that passed the guard: what is not touched keeps its bytes. https://hl7.org/fhir/R4/json.html */

/** Where one member stands: its name, the opening quote of the name, and its value from `value` up to `end`. */
interface Member {
  readonly name: string;
  readonly at: number;
  readonly value: number;
  readonly end: number;
}

/**
 * The text that is stored for a resource: `id` set, and `meta` opened for `"versionId":"3","lastUpdated":"..."`, which the
 * engine writes between the halves. An `id` or `meta` that the sender wrote is replaced where it stands; the other members of
 * `meta` follow the server's two as written. A missing `id` goes behind `resourceType` (or first), a missing `meta` behind
 * `id`. Takes the compact text of an object; a `meta` that is no object, which validation refuses, is emptied.
 */
export function withIdentity(text: string, id: string): readonly [before: string, after: string] {
  const members = membersOf(text, 0);
  const place = placeOfId(members);
  const meta = members.find(({ name }) => name === 'meta');
  const identity = `${place.lead}"id":${JSON.stringify(id)}`;
  if (!meta) {
    return [`${text.slice(0, place.from)}${identity},"meta":{`, `}${place.trail}${text.slice(place.to)}`];
  }
  const others = otherMeta(text, meta);
  if (place.from > meta.at) {
    return [
      `${text.slice(0, meta.at)}"meta":{`,
      `${others}}${text.slice(meta.end, place.from)}${identity}${place.trail}${text.slice(place.to)}`,
    ];
  }
  return [
    `${text.slice(0, place.from)}${identity}${place.trail}${text.slice(place.to, meta.at)}"meta":{`,
    `${others}}${text.slice(meta.end)}`,
  ];
}

/** The stretch of text that the id takes, and the commas it needs around it there. */
function placeOfId(members: readonly Member[]): { from: number; to: number; lead: ',' | ''; trail: ',' | '' } {
  const id = members.find(({ name }) => name === 'id');
  if (id) return { from: id.at, to: id.end, lead: '', trail: '' };
  const type = members.find(({ name }) => name === 'resourceType');
  if (type) return { from: type.end, to: type.end, lead: ',', trail: '' };
  return { from: 1, to: 1, lead: '', trail: members.length > 0 ? ',' : '' };
}

/** The members of `meta` that are not the server's, each with the comma before it. */
function otherMeta(text: string, meta: Member): string {
  if (text[meta.value] !== '{') return '';
  let others = '';
  for (const { name, at, end } of membersOf(text, meta.value)) {
    if (name !== 'versionId' && name !== 'lastUpdated') others += `,${text.slice(at, end)}`;
  }
  return others;
}

/**
 * The text with one member replaced where it stands, added at the end of its object, or (`json` undefined) removed. Objects
 * on the way are made where they are missing; a way through anything but objects is an error of the caller. Takes and leaves
 * compact text; `json` goes in as it is. Removing the last member leaves `{}`.
 */
export function setMember(text: string, path: readonly string[], json: string | undefined): string {
  let open = 0;
  for (const [step, name] of path.entries()) {
    if (text[open] !== '{') throw new Error(`${path.slice(0, step).join('.')} is not an object`);
    const members = membersOf(text, open);
    const index = members.findIndex((member) => member.name === name);
    const member = members[index];
    if (!member) {
      if (json === undefined) return text;
      const added = path.slice(step + 1).reduceRight((inner, outer) => `{${JSON.stringify(outer)}:${inner}}`, json);
      const last = members[members.length - 1];
      const end = last ? last.end : open + 1;
      return `${text.slice(0, end)}${last ? ',' : ''}${JSON.stringify(name)}:${added}${text.slice(end)}`;
    }
    if (step === path.length - 1) {
      if (json !== undefined) return text.slice(0, member.value) + json + text.slice(member.end);
      const following = members[index + 1];
      if (following) return text.slice(0, member.at) + text.slice(following.at);
      return text.slice(0, index === 0 ? member.at : member.at - 1) + text.slice(member.end);
    }
    open = member.value;
  }
  return text;
}

/** The exact text at a path of member names and array positions; undefined where there is nothing. Takes compact text. */
export function textOf(text: string, path: readonly (string | number)[]): string | undefined {
  let from = 0;
  let to = text.length;
  for (const step of path) {
    const found = typeof step === 'number' ? itemOf(text, from, step) : memberOf(text, from, step);
    if (!found) return undefined;
    from = found.value;
    to = found.end;
  }
  return text.slice(from, to);
}

function memberOf(text: string, open: number, name: string): Member | undefined {
  return text[open] === '{' ? membersOf(text, open).find((member) => member.name === name) : undefined;
}

function itemOf(text: string, open: number, index: number): { value: number; end: number } | undefined {
  if (text[open] !== '[' || text[open + 1] === ']') return undefined;
  let value = open + 1;
  for (let i = 0; ; i++) {
    const end = endOfValue(text, value);
    if (i === index) return { value, end };
    if (text[end] !== ',') return undefined;
    value = end + 1;
  }
}

/** The members of the object that opens at `open`, in order. Names hold no escapes: the guard refuses them. */
function membersOf(text: string, open: number): Member[] {
  const members: Member[] = [];
  let at = open + 1;
  while (text.charCodeAt(at) === QUOTE) {
    const close = text.indexOf('"', at + 1);
    const value = close + 2;
    const end = endOfValue(text, value);
    members.push({ name: text.slice(at + 1, close), at, value, end });
    at = end + 1;
  }
  return members;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Offset after the value that begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i) - 1;
        if (depth === 0) return i + 1;
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth++;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (depth === 0) return i;
        if (--depth === 0) return i + 1;
        break;
      case 0x2c: // ,
        if (depth === 0) return i;
        break;
    }
  }
  return text.length;
}

/** Offset after the string that opens at `at`. */
function endOfString(text: string, at: number): number {
  let i = at + 1;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) break;
    if (unit === BACKSLASH) i++;
  }
  return i + 1;
}

/** The exact texts of the items of an array, in order, in one pass. Takes compact text of an array; none for anything else. */
export function itemsOf(text: string): readonly string[] {
  const items: string[] = [];
  if (text[0] !== '[' || text[1] === ']') return items;
  for (let value = 1; ; ) {
    const end = endOfValue(text, value);
    items.push(text.slice(value, end));
    if (text[end] !== ',') return items;
    value = end + 1;
  }
}
