/** The grammar of `_filter`, read into a tree. https://hl7.org/fhir/R4/search_filter.html */
import { mostSteps } from './chain.ts';
import { invalid, tooCostly } from './refusals.ts';

/** One name of a path, `subject` or `subject:Patient`, with what stands in brackets behind it. */
export interface Step {
  readonly name: string;
  readonly filter?: Expression;
}

/** A parameter, or several along references, and what its values are compared with. Only the last step has no brackets. */
export interface Comparison {
  readonly is: 'comparison';
  readonly path: readonly Step[];
  /** Character of the filter that it begins with, from 1 on. */
  readonly at: number;
  readonly operator: string;
  readonly value: string;
}

export type Expression =
  | { readonly is: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly is: 'not'; readonly of: Expression }
  | Comparison;

const mostComparisons = 50;
const deepest = 10;
const longest = 4096;

const operators = new Set([
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
]);

/** Throws problems of status 400: invalid where it is no filter, too-costly for one that is too long or too deep. */
export function readFilter(text: string): Expression {
  if (text.length > longest) throw tooCostly('_filter', `is longer than ${longest} characters`);
  const reader = new Reader(text);
  const expression = reader.expression(0);
  if (!reader.atEnd()) throw reader.unexpected();
  return expression;
}

/** Reads from left to right and never goes back. */
class Reader {
  private at = 0;
  private comparisons = 0;
  /** Steps that lead to where it reads: those of the path, and of the paths whose brackets it stands in. */
  private steps = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  atEnd(): boolean {
    this.skipBlanks();
    return this.at === this.text.length;
  }

  /** Says where, and not what stands there. */
  unexpected(): Error {
    return invalid('_filter', `is no filter: it cannot be read from character ${this.at + 1} on`);
  }

  /** `and` and `or` bind alike, from left to right. */
  expression(depth: number): Expression {
    if (depth > deepest) throw tooCostly('_filter', `has parentheses and brackets more than ${deepest} deep`);
    let left = this.part(depth);
    for (;;) {
      const is = this.word('and') ? 'and' : this.word('or') ? 'or' : undefined;
      if (is === undefined) return left;
      const right = this.part(depth);
      left = left.is === is ? { is, of: [...left.of, right] } : { is, of: [left, right] };
    }
  }

  private part(depth: number): Expression {
    this.skipBlanks();
    if (/^not\s*\(/.test(this.text.slice(this.at, this.at + 100))) {
      this.at += 3;
      this.skipBlanks();
      return { is: 'not', of: this.inside(')', depth) };
    }
    return this.text[this.at] === '(' ? this.inside(')', depth) : this.comparison(depth);
  }

  private inside(end: ')' | ']', depth: number): Expression {
    this.at++;
    const inner = this.expression(depth + 1);
    this.skipBlanks();
    if (this.text[this.at] !== end) throw this.unexpected();
    this.at++;
    return inner;
  }

  private path(depth: number): readonly Step[] {
    const before = this.steps;
    const path: Step[] = [];
    for (;;) {
      const name = this.take(/[A-Za-z_][\w:-]*/y);
      if (name === undefined) throw this.unexpected();
      const isBracketed = this.text[this.at] === '[';
      if (!isBracketed && this.text[this.at] !== '.') {
        this.steps = before;
        return [...path, { name }];
      }
      if (++this.steps > mostSteps) throw tooCostly('_filter', `follows more than ${mostSteps} steps`);
      path.push(isBracketed ? { name, filter: this.inside(']', depth) } : { name });
      if (this.text[this.at] !== '.') throw this.unexpected();
      this.at++;
    }
  }

  private comparison(depth: number): Comparison {
    if (++this.comparisons > mostComparisons)
      throw tooCostly('_filter', `has more than ${mostComparisons} comparisons`);
    const at = this.at + 1;
    const path = this.path(depth);
    this.blanks();
    const operator = this.take(/[a-z]{2}(?=\s)/y);
    if (operator === undefined || !operators.has(operator)) throw this.unexpected();
    this.blanks();
    const value = this.text[this.at] === '"' ? this.quoted() : this.take(/[^\s")\]]+/y);
    if (value === undefined || value === '') throw this.unexpected();
    if (!/^[\s)\]]?$/.test(this.text.slice(this.at, this.at + 1))) throw this.unexpected();
    return { is: 'comparison', path, at, operator, value };
  }

  /** A JSON string. */
  private quoted(): string {
    const literal = this.take(/"(?:[^"\\]|\\.)*"/sy);
    try {
      if (literal !== undefined) return JSON.parse(literal) as string;
    } catch {
      // An escape that JSON does not know.
    }
    throw this.unexpected();
  }

  /** A keyword that stands alone. */
  private word(word: string): boolean {
    this.skipBlanks();
    const follows = this.text[this.at + word.length];
    if (!this.text.startsWith(word, this.at) || (follows !== '(' && !/\s/.test(follows ?? ''))) return false;
    this.at += word.length;
    return true;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private skipBlanks(): void {
    this.take(/\s*/y);
  }

  private blanks(): void {
    if (this.take(/\s+/y) === undefined) throw this.unexpected();
  }
}
