/** A search parameter as one resource type has it: what decides how its values are stored, found and followed. https://hl7.org/fhir/R4/searchparameter.html */

export type ParameterType =
  | 'token'
  | 'string'
  | 'reference'
  | 'date'
  | 'number'
  | 'quantity'
  | 'uri'
  | 'composite'
  | 'special';

/** One search parameter of one resource type. */
export interface Parameter {
  readonly code: string;
  readonly type: ParameterType;
  /** Canonical URL of its SearchParameter. */
  readonly definition: string;
  /** Where its entries stand: its own name, or that of the parameter whose entries it shares. */
  readonly name: string;
  /** Only references to this type are meant: `patient` among the references of `subject`. */
  readonly only?: string;
  /** It has no entries of its own and is found by any of these: `combo-code` by `code` and `component-code`. */
  readonly anyOf?: readonly Parameter[];
  /** What a composite is made of; left out where it cannot be answered, or where `anyOf` does it. */
  readonly composite?: Composite;
  /** FHIRPath for this type alone. Empty when the entries are another's. */
  readonly branches: readonly string[];
  /** Types that a reference may lead to; empty when any. */
  readonly targets: readonly string[];
  /** Its values lead to resources that stand alone: by type and id, or by canonical. */
  readonly followed: boolean;
  /** Some of its values are canonicals. */
  readonly byCanonical: boolean;
  /** Its values are resources that stand inside: the first one of a Bundle. */
  readonly inside: boolean;
  /** A token whose values have no `system` element (code, boolean, string): its entries are (code, '') alone. */
  readonly plain: boolean;
  /** Code systems that the values of a plain token belong to. */
  readonly systems: readonly string[];
  /** Every resource of the type has a value. */
  readonly required: boolean;
  /** The job that still indexes older resources with it. */
  readonly indexing?: string;
}

/** One value of a composite: SearchParameter.component. */
export interface Component {
  /** How its values are named and read in a group: always under its own name. */
  readonly parameter: Parameter;
  /** FHIRPath relative to the element. */
  readonly expression: string;
  /** It speaks of the resource and not of the element: no group holds it. */
  readonly ofResource: boolean;
}

export interface Composite {
  /** FHIRPath of the elements whose values belong together: one group for each, named as the parameter. Empty: no groups. */
  readonly elements: readonly string[];
  /** The resource is the one element, so that conditions on its parameters say all. */
  readonly atRoot: boolean;
  /** What stands in the groups stands on the resource too, under the names of its components and of nothing else. */
  readonly apart?: boolean;
  readonly components: readonly Component[];
}

/** The engine finds these without entries of ours. */
export const ofTheEngine: ReadonlySet<string> = new Set(['_id', '_lastUpdated']);

/** Whether an entry of this name is the parameter's of that name, or stands beside its entries: `Patient.code:text`. */
export const isEntryOf = (name: string, entry: string): boolean =>
  entry.startsWith(name) && !/^[\w-]/.test(entry.slice(name.length));

/** The parameters whose entries find what this one finds: itself, or those that it is made of. */
export const formsOf = (parameter: Parameter): readonly Parameter[] => parameter.anyOf ?? [parameter];

/** Whether references of the parameter may point to the type. */
export const leadsTo = ({ only, targets }: Parameter, type: string): boolean =>
  only === undefined ? targets.length === 0 || targets.includes(type) : only === type;
