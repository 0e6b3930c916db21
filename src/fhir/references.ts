/** Keys of resources and references between them. https://hl7.org/fhir/R4/references.html */

/** Names one resource of this server. */
export interface ResourceKey {
  readonly type: string;
  readonly id: string;
}

/** Any FHIR resource as parsed JSON. Its exact text travels beside it where digits matter. */
export interface Resource {
  readonly resourceType: string;
  readonly id?: string;
  readonly [element: string]: any;
}

/** https://hl7.org/fhir/R4/datatypes.html#id */
export const isId = (text: string): boolean => /^[A-Za-z0-9\-.]{1,64}$/.test(text);

/** `Patient/1` for a key. */
export const referenceTo = ({ type, id }: ResourceKey): string => `${type}/${id}`;

/** The key that a relative literal reference such as `Patient/1` or `Patient/1/_history/2` names; undefined for any other form. */
export function keyOf(reference: string): ResourceKey | undefined {
  const parts = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(reference);
  return parts ? { type: parts[1]!, id: parts[2]! } : undefined;
}

/** Whether it is `Patient/1` and no more: it names no version. */
export const isPlainReference = (reference: string): boolean =>
  /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/.test(reference);

/** Every `Reference.reference` inside a resource, contained resources included. */
export function* literalReferences(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* literalReferences(item);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'reference' && typeof member === 'string') yield member;
      else yield* literalReferences(member);
    }
  }
}
