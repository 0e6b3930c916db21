/** Asks FHIR in the caller's name, through the one gate, and takes the answer apart: digits kept, what came along by its reference. */
import type { Request, Response } from 'express';
import { parseExact } from '../../fhir/json.ts';
import { referenceTo } from '../../fhir/references.ts';
import { visitOf } from '../../http/app.ts';
import { addressOf } from '../../http/incoming.ts';
import { insideRequest, type Origin } from '../../interactions/inside.ts';
import type { Dispatch, Parameters } from '../../interactions/interaction.ts';
import { parametersOf, splitQuery } from '../../interactions/route.ts';

export interface FoundPage {
  readonly matches: readonly any[];
  /** By reference, matches as well. */
  readonly all: ReadonlyMap<string, any>;
  readonly total?: number;
  /** What the page after this one is asked for with. */
  readonly next?: string;
}

/** `page`: what the page before named. */
export type Search = (type: string, parameters: Parameters, page?: string) => Promise<FoundPage>;

export const originOf = (request: Request, response: Response, base: string): Origin => ({
  base,
  requestId: visitOf(response).requestId,
  address: addressOf(request),
});

export function searchFor(dispatch: Dispatch, request: Request, response: Response, base: string): Search {
  const { caller } = visitOf(response);
  const origin = originOf(request, response, base);
  return async (type, asked, page) => {
    const parameters: Parameters = page === undefined ? asked : [...asked, ['_page', page]];
    const answer = await dispatch(insideRequest(origin, { interaction: 'search-type', type, parameters }), caller);
    const { entry = [], link = [], total } = parseExact(answer.text!);
    const next: string | undefined = link.find(({ relation }: any) => relation === 'next')?.url;
    const resources = entry.map(({ resource }: any) => resource);
    return {
      matches: entry.flatMap(({ resource, search }: any) => (search?.mode === 'match' ? [resource] : [])),
      all: new Map(resources.map((one: any) => [referenceTo({ type: one.resourceType, id: one.id }), one])),
      ...(total === undefined ? {} : { total: Number(total) }),
      ...(next === undefined
        ? {}
        : { next: parametersOf(splitQuery(next).query).find(([name]) => name === '_page')?.[1] }),
    };
  };
}
