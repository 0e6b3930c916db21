/** A message as its maps read it: segments whose values come out unescaped, by the numbers of the standard. HL7 v2.5.1 chapter 2 */
import { problem } from '../../../fhir/outcome.ts';
import { type Decoded, decoded } from './charsets.ts';
import { type Delimiters, delimitersOf, isHeader } from './delimiters.ts';
import { unescaped } from './escapes.ts';

/** What a field holds whose value is to be removed; an empty field says nothing. */
export const NULLED = '""';

/** More are no message but a bomb. The longest that laboratories and devices send have some 2,000 segments. */
const MOST_SEGMENTS = 5_000;
const MOST_FIELDS = 1_000;
/** Fields, repetitions, components and subcomponents in all. A minute of ten leads at 500 Hz has 300,000 samples. */
const MOST_PARTS = 500_000;
/** Lines of text in fields, where somebody forgot to escape their ends. */
const MOST_LINES = 100_000;

/** Text that takes long to read is read once. */
const LONG = 10_000;

export interface Segment {
  readonly name: string;
  /** Place among the segments of the message, from 0. */
  readonly index: number;
  /** Number of the last field, as the standard counts: MSH-1 is the field separator. */
  readonly last: number;
  /**
   * Everything counts from 1; without a component the first, without a subcomponent the first. undefined where nothing stands there;
   * NULLED for `""`. Escapes are read.
   */
  get(field: number, component?: number, subcomponent?: number, repetition?: number): string | undefined;
  /** The whole field (or repetition) with its delimiters, escapes read; for text in which somebody forgot to escape. */
  whole(field: number, repetition?: number): string | undefined;
  /** As it was sent, all repetitions. */
  raw(field: number): string;
  /** How many there are; 0 for an empty field. */
  repetitions(field: number): number;
  components(field: number, repetition?: number): number;
  subcomponents(field: number, component: number, repetition?: number): number;
}

/** A segment with those after it up to the next of its kind: an OBR with its OBX and NTE. */
export interface Group {
  readonly head: Segment;
  readonly rest: readonly Segment[];
}

export interface Hl7Message {
  /** MSH-9.1, .2 and .3: `ORU`, `R01`, `ORU_R01`; '' where it does not say. */
  readonly type: string;
  readonly event: string;
  readonly structure: string;
  /** MSH-10; '' where it does not say. */
  readonly controlId: string;
  /** MSH-12.1: `2.5.1`. */
  readonly version: string;
  /** MSH-3 and MSH-4 as they were sent, such as `VENDORSIM^00A0C9FFFE000001^EUI-64`. */
  readonly application: string;
  readonly facility: string;
  readonly delimiters: Delimiters;
  readonly charset: string;
  /** Sentences about what is wrong and was read all the same: a character set that lies, lines that go on. */
  readonly warnings: readonly string[];
  readonly segments: readonly Segment[];
  first(name: string): Segment | undefined;
  all(name: string): readonly Segment[];
  /** One group for each segment of the name; what stands before the first belongs to none. A segment named in `until` ends one as well. */
  groups(name: string, until?: readonly string[]): readonly Group[];
}

/** Repetitions of a field, and their components once somebody asks: split once, since maps ask for many parts of one field. */
interface Parts {
  readonly repetitions: readonly string[];
  readonly components: (readonly string[])[];
}

function segmentOf(line: string, index: number, delimiters: Delimiters, decode: Decoded['decode']): Segment {
  const name = line.slice(0, 3);
  let fields: string[] | undefined;
  // Not before somebody asks: of a message that comes again nobody does.
  function fieldsOf(): readonly string[] {
    if (fields) return fields;
    fields = line.split(delimiters.field);
    // MSH-1 stands between the name and MSH-2, so that all fields of a header count one more.
    if (isHeader(name)) fields.splice(1, 0, delimiters.field);
    return fields;
  }
  const isVerbatim = (field: number) => isHeader(name) && field < 3;
  const parts: Parts[] = [];
  const long = new Map<string, string>();
  const split = (text: string, by: string): readonly string[] => (by === '' ? [text] : text.split(by));
  const repetitionsOf = (field: number): Parts =>
    (parts[field] ??= { repetitions: split(fieldsOf()[field] ?? '', delimiters.repetition), components: [] });
  function componentsOf(field: number, repetition: number): readonly string[] {
    if (isVerbatim(field)) return repetition === 1 ? [fieldsOf()[field]!] : [];
    const { repetitions, components } = repetitionsOf(field);
    const text = repetitions[repetition - 1];
    return text === undefined ? [] : (components[repetition] ??= split(text, delimiters.component));
  }
  function read(text: string | undefined): string | undefined {
    if (text === undefined || text === '') return undefined;
    if (text.length < LONG) return unescaped(text, delimiters, decode);
    const known = long.get(text) ?? unescaped(text, delimiters, decode);
    long.set(text, known);
    return known;
  }
  return {
    name,
    index,
    get last() {
      return fieldsOf().length - 1;
    },
    get(field, component = 1, subcomponent = 1, repetition = 1) {
      const found = componentsOf(field, repetition)[component - 1];
      if (found === undefined || isVerbatim(field)) return found;
      return read(split(found, delimiters.subcomponent)[subcomponent - 1]);
    },
    whole(field, repetition = 1) {
      return isVerbatim(field) ? fieldsOf()[field] : read(repetitionsOf(field).repetitions[repetition - 1]);
    },
    raw: (field) => fieldsOf()[field] ?? '',
    repetitions(field) {
      if ((fieldsOf()[field] ?? '') === '') return 0;
      return isVerbatim(field) ? 1 : repetitionsOf(field).repetitions.length;
    },
    components: (field, repetition = 1) => componentsOf(field, repetition).length,
    subcomponents(field, component, repetition = 1) {
      const found = componentsOf(field, repetition)[component - 1] ?? '';
      return found === '' ? 0 : split(found, delimiters.subcomponent).length;
    },
  };
}

const tooMany = (most: number, what: string) => problem('too-long', `a message may have ${most} ${what}`);

/** How often it stands there, as long as that is no more than `most`. */
function countOf(text: string, character: string, most: number): number {
  let count = 0;
  if (character === '') return count;
  for (let at = text.indexOf(character); at >= 0 && count <= most; at = text.indexOf(character, at + 1)) count++;
  return count;
}

/** Refuses what is no message but a bomb, before anything is made of it. */
function demandModest(lines: readonly string[], { field, component, repetition, subcomponent }: Delimiters): void {
  let parts = 0;
  for (const line of lines) {
    const fields = countOf(line, field, MOST_FIELDS);
    if (fields > MOST_FIELDS) throw tooMany(MOST_FIELDS, 'fields in a segment');
    parts += fields;
    for (const by of [component, repetition, subcomponent]) parts += countOf(line, by, MOST_PARTS);
    if (parts > MOST_PARTS) throw tooMany(MOST_PARTS, 'fields, repetitions and components');
  }
}

/** The lines with something in them, found one by one: millions of ends cost no memory. */
function* linesIn(text: string): Generator<string> {
  const ends = /[\r\n]/g;
  let from = 0;
  for (let end = ends.exec(text); end; end = ends.exec(text)) {
    if (end.index > from) yield text.slice(from, end.index);
    from = ends.lastIndex;
  }
  if (from < text.length) yield text.slice(from);
}

/** The lines of the segments. A line that begins no segment goes on with the one before: somebody forgot to escape a line end. */
function linesOf(text: string, field: string): { lines: readonly string[]; isBroken: boolean } {
  const lines: string[][] = [];
  let more = 0;
  for (const line of linesIn(text)) {
    const begins = /^[A-Z][A-Z0-9]{2}/.test(line) && (line.length === 3 || line[3] === field);
    if (begins) {
      if (lines.push([line]) > MOST_SEGMENTS) throw tooMany(MOST_SEGMENTS, 'segments');
    } else if (line.trim() !== '' && lines.length > 0) {
      if (++more > MOST_LINES) throw tooMany(MOST_LINES, 'lines that begin no segment');
      lines.at(-1)!.push(line);
    }
  }
  return { lines: lines.map((parts) => parts.join('\n')), isBroken: more > 0 };
}

/** The header alone, of a message of which the rest is too much. Throws like `parseMessage`. */
export function parseHeader(bytes: Uint8Array): Hl7Message {
  const start = bytes.findIndex((byte) => byte > 0x20);
  const end = bytes.findIndex((byte, at) => at > start && (byte === 0x0d || byte === 0x0a));
  return parseMessage(bytes.subarray(0, end < 0 ? bytes.length : end));
}

/** Throws `structure` where there is no MSH, or none that can be read; `too-long` for bombs. Linear in the bytes. */
export function parseMessage(bytes: Uint8Array): Hl7Message {
  const { text, charset, decode, fault } = decoded(bytes);
  const trimmed = text.replace(/^[\s\ufeff]+/, '');
  if (!trimmed.startsWith('MSH')) throw problem('structure', 'the message has no MSH segment');
  const delimiters = delimitersOf(trimmed.split(/[\r\n]/, 1)[0]!);
  const { lines, isBroken } = linesOf(trimmed, delimiters.field);
  demandModest(lines, delimiters);
  const segments = lines.map((line, index) => segmentOf(line, index, delimiters, decode));
  const header = segments[0]!;
  const byName = new Map<string, Segment[]>();
  for (const segment of segments) {
    const same = byName.get(segment.name);
    if (same) same.push(segment);
    else byName.set(segment.name, [segment]);
  }
  const all = (name: string): readonly Segment[] => byName.get(name) ?? [];
  return {
    type: header.get(9, 1) ?? '',
    event: header.get(9, 2) ?? '',
    structure: header.get(9, 3) ?? '',
    controlId: header.whole(10) ?? '',
    version: header.get(12, 1) ?? '',
    application: header.raw(3),
    facility: header.raw(4),
    delimiters,
    charset,
    warnings: [...(fault ? [fault] : []), ...(isBroken ? ['a line end within a field was not escaped'] : [])],
    segments,
    first: (name) => all(name)[0],
    all,
    groups(name, until = []) {
      const groups: { head: Segment; rest: Segment[] }[] = [];
      let isOpen = false;
      for (const segment of segments) {
        if (segment.name === name) {
          groups.push({ head: segment, rest: [] });
          isOpen = true;
        } else if (until.includes(segment.name)) isOpen = false;
        else if (isOpen) groups.at(-1)!.rest.push(segment);
      }
      return groups;
    },
  };
}
