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

/** Like `JSON.parse`, with an `ExactNumber` for every number. Takes text that passed the guard. */
export function parseExact(text: string): any {
  return JSON.parse(text, (_name, value, context?: { source?: string }) =>
    typeof value === 'number' ? new ExactNumber(context!.source!) : value,
  );
}

/** Like `JSON.stringify`, with the digits of every `ExactNumber` as they were written. */
export const writeExact = (value: unknown): string => JSON.stringify(value);
