/** What the structures of R4 say of their elements: which there are, and how JSON calls them. https://hl7.org/fhir/R4/elementdefinition.html */
import { type ElementRule, type Structure, structureOf } from '../fhir/definitions.ts';

/** The structure that a shape is of: `Patient` for `Patient.contact`. */
export function structureWith(name: string): Structure {
  const structure = structureOf(name.split('.', 1)[0]!);
  if (!structure) throw new Error(`R4 has no ${name}`);
  return structure;
}

/** Path of the elements of a structure: that of SimpleQuantity begins with Quantity. */
export const rootOf = (structure: Structure): string => structure.elements[0]!.id;

export function childrenOf(structure: Structure, path: string): readonly ElementRule[] {
  const prefix = `${path}.`;
  return structure.elements.filter(({ id }) => id.startsWith(prefix) && !id.includes('.', prefix.length));
}

/** `name` of `Patient.name`. */
export const nameOf = ({ id }: ElementRule): string => id.slice(id.lastIndexOf('.') + 1);

/** The element of that name in a shape, or the whole of the shape; undefined where R4 has none. */
export function elementOf(shapeName: string, name: string | undefined): ElementRule | undefined {
  const structure = structureWith(shapeName);
  const path = shapeName.includes('.') ? shapeName : rootOf(structure);
  const id = name === undefined ? path : `${path}.${name}`;
  return structure.elements.find((element) => element.id === id);
}

/** The name of the shape that an element's values of this type have. */
export function shapeNameOf(element: ElementRule, code: string): string {
  return element.same ?? (code === 'BackboneElement' || code === 'Element' ? element.id : code);
}

/** `value` and `Quantity` make `valueQuantity`. */
export const keyFor = (base: string, type: string): string => base + jsonName(type);

/** SimpleQuantity and MoneyQuantity are Quantities with less in them. */
const jsonName = (type: string): string =>
  type.endsWith('Quantity') ? 'Quantity' : type[0]!.toUpperCase() + type.slice(1);
