/** The words that `_text` and `_content` find a resource by. https://hl7.org/fhir/R4/search.html#content */
import { withoutTags } from '../fhir/xhtml-text.ts';
import { choiceAt, elementTypes } from './knowledge.ts';
import type { WordEntry } from './query.ts';
import { ofTrail } from './trail-type.ts';
import { fold } from './values.ts';

/** Words that one resource is found by under each of the two names; what comes after them is not found. */
const mostWords = 1000;
/** A longer word is no word: it is neither kept nor looked for. */
export const longestWord = 64;

/** Nobody looks for words in the server's own log. */
export const hasWords = (type: string): boolean => type !== ofTrail;

/** The folded words of a text: runs of letters and digits. */
export function wordsOf(text: string): readonly string[] {
  if (text.length > SHORT_TEXT) return wordsIn(text);
  let words = shortTexts.get(text);
  if (!words) {
    words = wordsIn(text);
    if (shortTexts.size >= MOST_TEXTS) shortTexts.clear();
    shortTexts.set(text, words);
  }
  return words;
}

/** Displays and units come again and again. */
const shortTexts = new Map<string, readonly string[]>();
const SHORT_TEXT = 64;
const MOST_TEXTS = 4_000;

function wordsIn(text: string): readonly string[] {
  const folded = fold(text);
  return folded.match(/^[\x00-\x7f]*$/.test(folded) ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu) ?? [];
}

/** The words of the narrative under `<Type>._text`, those of every string and of the narrative under `<Type>._content`. */
export function enterWords(resource: { readonly [element: string]: any }, into: WordEntry[]): void {
  const type: string = resource['resourceType'];
  if (!hasWords(type)) return;
  const narrative = gathering(`${type}._text`, into);
  const div = resource['text']?.div;
  if (typeof div === 'string') narrative(withoutTags(div));
  readAll(resource, shapeOf(type), gathering(`${type}._content`, into));
}

function gathering(name: string, into: WordEntry[]): (text: string) => void {
  const known = new Set<string>();
  return (text) => {
    for (const word of wordsOf(text)) {
      if (known.size >= mostWords) return;
      if (word.length > longestWord || known.has(word)) continue;
      known.add(word);
      into.push({ name, word });
    }
  };
}

/** What stands in a property: a text, a narrative, an element of another shape, a resource; or nothing with words. */
type Held = 'text' | 'narrative' | 'resource' | 'nothing' | Shape;

/** The properties of one type of element that have been seen so far. */
interface Shape {
  readonly type: string;
  readonly held: Map<string, Held>;
}

const shapes = new Map<string, Shape>();

function shapeOf(type: string): Shape {
  let shape = shapes.get(type);
  if (shape === undefined) {
    shape = { type, held: new Map([['resourceType', 'nothing']]) };
    if (elementTypes(type, 'id').length > 0 || elementTypes(type, 'extension').length > 0) shapes.set(type, shape);
  }
  return shape;
}

function readAll(element: { readonly [property: string]: any }, shape: Shape, push: (text: string) => void): void {
  for (const property in element) {
    const held = shape.held.get(property) ?? learn(shape, property);
    if (held === 'nothing') continue;
    const value = element[property];
    if (!Array.isArray(value)) read(value, held, push);
    else for (const one of value) read(one, held, push);
  }
}

function read(value: any, held: Exclude<Held, 'nothing'>, push: (text: string) => void): void {
  if (held === 'text' || held === 'narrative') {
    if (typeof value === 'string') push(held === 'text' ? value : withoutTags(value));
  } else if (typeof value === 'object' && value !== null) {
    readAll(value, held === 'resource' ? shapeOf(String(value.resourceType)) : held, push);
  }
}

function learn(shape: Shape, property: string): Held {
  const found = typeOf(shape.type, property);
  // What no definition knows is not remembered: whoever sends it could fill the memory.
  if (found === undefined) return 'nothing';
  const isLink = shape.type === 'Reference' && property === 'reference'; // a string, but no text
  const held = isLink ? 'nothing' : holding(found, property);
  shape.held.set(property, held);
  return held;
}

function holding(type: string, property: string): Held {
  if (property === 'id') return 'nothing';
  if (type === 'string' || type === 'markdown') return 'text';
  if (type === 'xhtml') return 'narrative';
  if (type === 'Resource') return 'resource';
  return /^[A-Z]/.test(type) ? shapeOf(type) : 'nothing';
}

/** The type of a JSON property: of `valueString` that of the element `value[x]`; `_given` holds what extends a primitive. */
function typeOf(parent: string, property: string): string | undefined {
  if (property.startsWith('_')) return 'Element';
  const [plain] = elementTypes(parent, property);
  return (plain?.property === property ? plain : choiceAt(parent, property))?.type;
}
