/** What an operation is, where it is asked, and how a request finds it. https://hl7.org/fhir/R4/operations.html */
import { problem } from '../fhir/outcome.ts';
import type { Context, FhirAnswer, FhirRequest, InteractionCode, Parameters } from '../interactions/interaction.ts';
import { placeOf, quote } from '../search/refusals.ts';
import { checkFormat, isFormat } from '../search/result-parameters.ts';

export type Level = 'system' | 'type' | 'instance';

export interface Operation {
  /** As its address names it, without the dollar sign. */
  readonly code: string;
  readonly levels: readonly Level[];
  /** Resource types that it is asked of; empty: every type, or none where it is asked of the system. */
  readonly types: readonly string[];
  /** The interaction whose right on that type it takes; 'operation' is a right that the administrator alone has. */
  readonly right: InteractionCode;
  /** Changes something, so that only POST asks for it. */
  readonly changes: boolean;
  /** Parameters whose values no audit row tells. */
  readonly untold?: readonly string[];
  handle(request: FhirRequest, context: Context): Promise<FhirAnswer>;
}

/** Where an operation can be asked, for the comparison with capability/. */
export interface OperationPlace {
  readonly code: string;
  readonly level: Level;
  /** '' for the system, `Resource` for every type. */
  readonly type: string;
}

type Place = Pick<FhirRequest, 'type' | 'id'>;

const levelOf = ({ type, id }: Place): Level => (type === '' ? 'system' : id === '' ? 'type' : 'instance');

const isAskedAt = ({ levels, types }: Operation, place: Place): boolean =>
  levels.includes(levelOf(place)) && (place.type === '' || types.length === 0 || types.includes(place.type));

/** The operation that a request asks for: 404 where there is none at this address, 405 where it takes POST alone. */
export function operationFor({ operation, ...request }: FhirRequest, operations: readonly Operation[]): Operation {
  const { code = '', method } = operation ?? {};
  const found = operations.find((one) => one.code === code && isAskedAt(one, request));
  if (found === undefined) {
    const at = { system: 'the whole system', type: request.type, instance: `one ${request.type}` }[levelOf(request)];
    throw problem('not-supported', `the operation ${quote(code)} of ${at} is not offered`, { status: 404 });
  }
  if (found.changes && method !== 'POST') {
    throw problem('not-supported', `$${code} takes POST`, { status: 405, headers: { Allow: 'POST' } });
  }
  return found;
}

/** Every place that an operation is asked at. */
export const placesOf = ({ code, levels, types }: Operation): readonly OperationPlace[] =>
  levels.flatMap((level) =>
    (level === 'system' ? [''] : types.length === 0 ? ['Resource'] : types).map((type) => ({ code, level, type })),
  );

/** The operations as they came, where capability/ promises exactly these; else the difference is thrown. */
export function demandPromised(
  operations: readonly Operation[],
  promised: readonly OperationPlace[],
): readonly Operation[] {
  const said = ({ code, level, type }: OperationPlace) => `$${code} at ${level} level${type && ` of ${type}`}`;
  const coded = operations.flatMap(placesOf).map(said);
  const declared = promised.map(said);
  const missing = declared.find((one) => !coded.includes(one));
  if (missing) throw new Error(`capability/ promises ${missing}, which no operation does`);
  const silent = coded.find((one) => !declared.includes(one));
  if (silent) throw new Error(`${silent} is not declared in capability/`);
  return operations;
}

/**
 * What an operation was asked with: the query, and the parameters of a Parameters body, whose values must be simple or
 * References. https://hl7.org/fhir/R4/parameters.html
 */
export function askedWith({ parameters, body }: FhirRequest): Parameters {
  if (body === undefined) return parameters;
  const { resourceType, parameter = [] } = body.resource;
  if (resourceType !== 'Parameters') throw problem('invalid', 'an operation takes a Parameters resource in the body');
  if (!Array.isArray(parameter)) throw problem('structure', 'Parameters.parameter must be an array');
  return [...parameters, ...parameter.map((one, i) => pairOf(one, `Parameters.parameter[${i}]`))];
}

function pairOf(parameter: any, at: string): readonly [string, string] {
  if (typeof parameter?.name !== 'string') {
    throw problem('required', `${at} must have a name`, { expression: at });
  }
  const [property, more] = Object.keys(parameter).filter((key) => key.startsWith('value'));
  const value = property && more === undefined ? parameter[property] : undefined;
  const simple = property === 'valueReference' ? value?.reference : value;
  if (!['string', 'number', 'boolean'].includes(typeof simple)) {
    throw problem('value', `${at} must have one value, simple or a Reference`, { expression: at });
  }
  return [parameter.name, String(simple)];
}

/** The parameters by name, where each may be given once and no other may; how an answer is written is no parameter. */
export function namedOnce(parameters: Parameters, names: readonly string[]): Readonly<Record<string, string>> {
  const named: Record<string, string> = {};
  for (const [name, value] of parameters) {
    checkFormat(name, value);
    if (isFormat(name)) continue;
    if (!names.includes(name)) {
      const taken = names.length > 0 ? names.join(', ') : 'no parameters';
      throw problem('not-supported', `the operation takes ${taken}`, { expression: placeOf(name) });
    }
    if (Object.hasOwn(named, name))
      throw problem('invalid', `${name} may be given once`, { expression: placeOf(name) });
    named[name] = value;
  }
  return named;
}
