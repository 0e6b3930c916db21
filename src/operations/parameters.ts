/** Writes the answer of an operation as a Parameters resource. https://hl7.org/fhir/R4/parameters.html */

/** A value by its type's name, such as `{ valueCode: 'done' }`, or parts. */
export type Value =
  | Readonly<Record<`value${string}`, string | number | boolean | { readonly reference: string }>>
  | { readonly part: readonly Part[] };
export type Part = { readonly name: string } & Value;

export const text = (name: string, value: string): Part => ({ name, valueString: value });
export const code = (name: string, value: string): Part => ({ name, valueCode: value });
export const number = (name: string, value: number): Part => ({ name, valueUnsignedInt: value });
/** Milliseconds since 1970. */
export const instant = (name: string, at: number): Part => ({ name, valueInstant: new Date(at).toISOString() });
export const parts = (name: string, part: readonly Part[]): Part => ({ name, part });

export const parametersText = (parameter: readonly Part[]): string =>
  JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) });
