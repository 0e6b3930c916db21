/** Where an expression stands in a resource, as far as definitions tell. https://hl7.org/fhir/R4/elementdefinition.html */
import { choiceAt, type ElementType, elementTypes } from './knowledge.ts';

/** Takes one value that was found; never undefined, null or an array. */
export type Visit = (value: any) => void;

/** What is known of a place before any value is seen. */
export interface Place {
  /** Datatype, resource type, or path of a backbone element. */
  readonly type: string;
  /** Target types of a Reference, code systems of a code; empty when the definition leaves them open. */
  readonly about: readonly string[];
  /** Every step on the way must be there. */
  readonly required: boolean;
}

/** What to do with values at a place; undefined when nothing is to be done there. */
export type Sink = (place: Place) => Visit | undefined;

/** The types of an element; of a choice that is named with its type, such as `valueDateTime`, that one. */
export function typesAt(parent: string, name: string): readonly ElementType[] {
  const found = elementTypes(parent, name);
  if (found.length > 0) return found;
  const choice = choiceAt(parent, name);
  return choice ? [{ ...choice, required: false }] : [];
}

/** The resource type that a literal reference names: `Patient` for `Patient/1`, `https://x/fhir/Patient/1/_history/2`. */
export function typeNamedBy(reference: unknown): string | undefined {
  if (typeof reference !== 'string') return undefined;
  return /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(reference)?.[1];
}
