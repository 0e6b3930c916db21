/** Elements that a policy names: where they stand in JSON, how they are cut out and compared. https://hl7.org/fhir/R4/json.html */
import { typesAt } from '../../search/place.ts';

/** `Patient.contact.telecom`: of the type, each step with the JSON properties that it stands under. */
export interface ElementPath {
  readonly type: string;
  /** `contact.telecom` */
  readonly path: string;
  readonly steps: readonly ReadonlySet<string>[];
}

/** Without these nobody could tell what a resource is. */
const indispensable: ReadonlySet<string> = new Set(['resourceType', 'id', 'meta', 'implicitRules']);

/** Undefined for what the type does not have, or for what cannot be taken out of a resource and is to be. Choices go by their stem: `Observation.value`. */
export function elementPath(text: string, isTakenOut: boolean): ElementPath | undefined {
  const [type = '', ...names] = text.split('.');
  if (names.length === 0 || (indispensable.has(names[0]!) && (isTakenOut || names.length === 1))) return undefined;
  const steps: ReadonlySet<string>[] = [];
  let parents: readonly string[] = [type];
  for (const name of names) {
    const found = parents.flatMap((parent) => typesAt(parent, name));
    if (found.length === 0 || found.some(({ property }) => property === name && isChoice(parents, name)))
      return undefined;
    steps.push(new Set(found.flatMap(({ property }) => [property, `_${property}`])));
    parents = [...new Set(found.map((one) => one.type))];
  }
  return { type, path: names.join('.'), steps };
}

/** `valueQuantity`: one form of the element `value[x]`. */
const isChoice = (parents: readonly string[], name: string): boolean =>
  /[A-Z]/.test(name) &&
  parents.some((parent) =>
    [...name.matchAll(/[A-Z]/g)].some(({ index }) =>
      typesAt(parent, name.slice(0, index)).some(({ property }) => property === name),
    ),
  );

type Content = Record<string, any>;

/** Takes the element out, also where elements of its kind stand in each other. */
export function cut(content: any, { steps }: Pick<ElementPath, 'steps'>, at = 0): void {
  if (Array.isArray(content)) for (const one of content) cut(one, { steps }, at);
  if (!isObject(content)) return;
  for (const property of Object.keys(content)) {
    const isInside = at > 0 && steps[at - 1]!.has(property);
    const isOnWay = steps[at]!.has(property);
    if (!isInside && !isOnWay) continue;
    if (isOnWay && at === steps.length - 1) {
      delete content[property];
      continue;
    }
    if (isInside) cut(content[property], { steps }, at);
    if (isOnWay) cut(content[property], { steps }, at + 1);
    const left = withoutEmpty(content[property]);
    if (left === undefined) delete content[property];
    else content[property] = left;
  }
}

const isObject = (value: any): value is Content =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
const isEmpty = (value: any): boolean => isObject(value) && Object.keys(value).length === 0;

/** FHIR knows no empty element; undefined where nothing is left. */
function withoutEmpty(value: any): any {
  if (!Array.isArray(value)) return isEmpty(value) ? undefined : value;
  const left = value.filter((one) => !isEmpty(one));
  return left.length === 0 ? undefined : left;
}

/** All values of the element, as one text to compare; '' where it is not there. */
export function valuesAt(content: any, path: Pick<ElementPath, 'steps'>): string {
  const found = foundAt(content, path);
  return found.length === 0 ? '' : JSON.stringify(found);
}

/** Whether the element is not there, or consists of literal references to some of these and nothing else. */
export function refersOnly(content: any, path: Pick<ElementPath, 'steps'>, to: readonly string[]): boolean {
  return foundAt(content, path)
    .flatMap(([, value]) => value)
    .every(
      (one) =>
        isObject(one) &&
        to.includes(one.reference) &&
        Object.keys(one).every((name) => ['reference', 'type', 'display'].includes(name)),
    );
}

function foundAt(
  content: any,
  { steps }: Pick<ElementPath, 'steps'>,
): readonly (readonly [property: string, value: any])[] {
  const found: (readonly [property: string, value: any])[] = [];
  const walk = (value: any, at: number): void => {
    if (Array.isArray(value)) for (const one of value) walk(one, at);
    else if (typeof value === 'object' && value !== null) {
      for (const property of Object.keys(value).sort()) {
        if (at > 0 && steps[at - 1]!.has(property)) walk(value[property], at);
        if (!steps[at]!.has(property)) continue;
        if (at < steps.length - 1) walk(value[property], at + 1);
        else found.push([property, value[property]]);
      }
    }
  };
  walk(content, 0);
  return found;
}
