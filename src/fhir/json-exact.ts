/** JSON whose numbers keep their digits, for mappings that must hand `98.0` on as `98.0`. https://hl7.org/fhir/R4/json.html#decimal */

/** A number as written. Behaves as its number in arithmetic and comparison, and as its text in JSON. */
export class ExactNumber {
  readonly text: string;

  /** `text` is a JSON number. */
  constructor(text: string) {
    this.text = text;
    Object.freeze(this);
  }

  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): unknown {
    return rawJson(this.text);
  }
}

const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/**
 * Like `JSON.parse`, with an `ExactNumber` for every number. Takes compact text that passed the guard, and relies on it:
 * depth is bounded, keys hold no escapes. A reader of its own, since a reviver costs four times as much.
 */
export const parseExact = (text: string): any => readValue({ text, at: 0 });

const notCompact = ({ at }: Place): Error => new Error(`not the compact text of JSON, at ${at}`);

interface Place {
  readonly text: string;
  at: number;
}

function readValue(place: Place): any {
  switch (place.text.charCodeAt(place.at)) {
    case 0x7b: // {
      return readObject(place);
    case 0x5b: // [
      return readArray(place);
    case 0x22: // "
      return readString(place);
    case 0x74: // t
      place.at += 4;
      return true;
    case 0x66: // f
      place.at += 5;
      return false;
    case 0x6e: // n
      place.at += 4;
      return null;
    default:
      return readNumber(place);
  }
}

function readObject(place: Place): any {
  const { text } = place;
  const object: Record<string, unknown> = {};
  place.at++;
  while (text.charCodeAt(place.at) !== 0x7d) {
    if (text.charCodeAt(place.at) === 0x2c) place.at++;
    if (text.charCodeAt(place.at) !== 0x22) throw notCompact(place);
    const close = text.indexOf('"', place.at + 1);
    const name = text.slice(place.at + 1, close);
    place.at = close + 2;
    object[name] = readValue(place);
  }
  place.at++;
  return object;
}

function readArray(place: Place): any[] {
  const { text } = place;
  const items: unknown[] = [];
  place.at++;
  while (text.charCodeAt(place.at) !== 0x5d) {
    if (text.charCodeAt(place.at) === 0x2c) place.at++;
    items.push(readValue(place));
  }
  place.at++;
  return items;
}

function readString(place: Place): string {
  const { text, at } = place;
  let hasEscape = false;
  let close = at + 1;
  for (let unit = text.charCodeAt(close); unit !== 0x22; unit = text.charCodeAt(++close)) {
    if (close >= text.length) throw notCompact(place);
    if (unit === 0x5c) {
      hasEscape = true;
      close++;
    }
  }
  place.at = close + 1;
  return hasEscape ? JSON.parse(text.slice(at, close + 1)) : text.slice(at + 1, close);
}

function readNumber(place: Place): ExactNumber {
  const { text, at } = place;
  let end = at;
  const first = text.charCodeAt(at);
  if (first !== 0x2d && !(first >= 0x30 && first <= 0x39)) throw notCompact(place);
  // Digits, point, signs and exponent; what follows is a comma or a bracket.
  for (let unit = text.charCodeAt(end); unit !== 0x2c && unit !== 0x7d && unit !== 0x5d && end < text.length; ) {
    unit = text.charCodeAt(++end);
  }
  place.at = end;
  return new ExactNumber(text.slice(at, end));
}

/** Like `JSON.stringify`, with the digits of every `ExactNumber` as they were written. */
export const writeExact = (value: unknown): string => JSON.stringify(value);
