/** What `_text` and `_content` ask for: words with `and`, `or`, `not` and parentheses. https://hl7.org/fhir/R4/search.html#content */
import { longestWord, wordsOf } from './full-text.ts';
import type { Criterion } from './query.ts';
import { BadValue, tooCostly, unsupported } from './refusals.ts';

/** Words in one value, and parentheses inside each other. */
const mostWords = 50;
const mostDepth = 20;

/** What is read of a value: the parameter `code`, its entries' `name`, the pieces of the text and where we are among them. */
interface Reading {
  readonly code: string;
  readonly name: string;
  readonly pieces: readonly string[];
  at: number;
  words: number;
}

/**
 * The criterion of one value without escapes. `not` binds closer than `and`, that closer than `or`; words side by side are all
 * meant, in whatever order. Throws BadValue, and problems for wildcards, phrases and what is too long.
 */
export function wordsCriterion(code: string, name: string, text: string): Criterion {
  if (text.includes('*')) throw unsupported(code, 'takes whole words: a wildcard (*) is not supported');
  if (/["“”„]/.test(text)) throw unsupported(code, 'takes single words: a phrase in quotes is not supported');
  const pieces = (text.match(/[()]|[^\s()]+/g) ?? []).filter(isMeant);
  const reading: Reading = { code, name, pieces, at: 0, words: 0 };
  const criterion = either(reading, 0);
  if (reading.at < pieces.length) throw new BadValue('has a ) without its (');
  return criterion;
}

/** Punctuation that stands alone says nothing. */
const isMeant = (piece: string): boolean => piece === '(' || piece === ')' || wordsOf(piece).length > 0;

const operatorAt = ({ pieces, at }: Reading): string | undefined => {
  const piece = pieces[at]?.toLowerCase();
  return piece !== undefined && ['and', 'or', 'not', ')'].includes(piece) ? piece : undefined;
};

function either(reading: Reading, depth: number): Criterion {
  const of = [both(reading, depth)];
  while (operatorAt(reading) === 'or') {
    reading.at++;
    of.push(both(reading, depth));
  }
  return of.length === 1 ? of[0]! : { is: 'any', of };
}

function both(reading: Reading, depth: number): Criterion {
  const of = [...one(reading, depth)];
  while (reading.at < reading.pieces.length) {
    const operator = operatorAt(reading);
    if (operator === 'or' || operator === ')') break;
    if (operator === 'and') reading.at++;
    of.push(...one(reading, depth));
  }
  return of.length === 1 ? of[0]! : { is: 'all', of };
}

/** All of these: a piece such as `follow-up` is two words. */
function one(reading: Reading, depth: number): readonly Criterion[] {
  if (depth > mostDepth) throw tooCostly(reading.code, `takes at most ${mostDepth} parentheses inside each other`);
  let opposite = false;
  while (operatorAt(reading) === 'not') {
    reading.at++;
    opposite = !opposite;
  }
  const of = operand(reading, depth);
  if (!opposite) return of;
  return [{ is: 'not', of: of.length === 1 ? of[0]! : { is: 'all', of } }];
}

function operand(reading: Reading, depth: number): readonly Criterion[] {
  const piece = reading.pieces[reading.at];
  if (piece === undefined || operatorAt(reading) !== undefined) {
    throw new BadValue('has no word to look for where one should be');
  }
  reading.at++;
  if (piece !== '(') return wordsOf(piece).map((word) => wordCriterion(reading, word));
  const inner = either(reading, depth + 1);
  if (reading.pieces[reading.at] !== ')') throw new BadValue('has a ( without its )');
  reading.at++;
  return [inner];
}

function wordCriterion(reading: Reading, word: string): Criterion {
  if (word.length > longestWord) throw new BadValue('has a word that is too long');
  if (++reading.words > mostWords) throw tooCostly(reading.code, `takes at most ${mostWords} words in a value`);
  return { is: 'word', name: reading.name, word };
}
