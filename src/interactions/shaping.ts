/** `_summary` and `_elements` of a read. https://hl7.org/fhir/R4/search.html#summary */
import { problem } from '../fhir/outcome.ts';
import { hasElement, type Shape, shaped } from '../fhir/shape.ts';
import { placeOf } from '../search/refusals.ts';
import { checkFormat, isControl, isFormat } from '../search/result-parameters.ts';
import type { Version } from '../store/store.ts';
import { answer } from './answer.ts';
import type { Access, FhirAnswer, FhirRequest } from './interaction.ts';

const summaries: Readonly<Record<string, Shape['summary']>> = {
  true: 'true',
  text: 'text',
  data: 'data',
  false: undefined,
};

/** What a read is to show. Refuses every other parameter that would shape an answer: nobody shall take a whole for a part. */
export function shapeOf({ type, parameters }: Pick<FhirRequest, 'type' | 'parameters'>): Shape {
  let shape: Shape = {};
  for (const [name, value] of parameters) {
    checkFormat(name, value);
    if (!isControl(name) || isFormat(name)) continue;
    if (name === '_summary') {
      if (!Object.hasOwn(summaries, value))
        throw problem('value', '_summary of a read takes true, text, data or false', { expression: placeOf(name) });
      shape = { ...shape, summary: summaries[value] };
    } else if (name === '_elements') {
      const elements = value.split(',').map((one) => one.trim());
      const unknown = elements.find((one) => !hasElement(type, one));
      if (unknown !== undefined) {
        const sentence = `_elements names an element that ${type} does not have`;
        throw problem('value', sentence, { expression: placeOf(name) });
      }
      shape = { ...shape, elements: [...(shape.elements ?? []), ...elements] };
    } else {
      const sentence = `${name.split(':')[0]} is not supported on a read`;
      throw problem('not-supported', sentence, { expression: placeOf(name) });
    }
  }
  return shape;
}

/**
 * The answer to a read of this version, in the form that was asked for. What is hidden goes first: what is left out tells no
 * more whether the narrative is to go too.
 */
export function shown(status: 200 | 304, version: Version, shape: Shape, { shows }: Pick<Access, 'shows'>): FhirAnswer {
  const isWhole = status === 304 || (shape.summary === undefined && shape.elements === undefined);
  return answer(status, version, isWhole ? {} : { text: shaped(shows(version.text), shape) });
}
