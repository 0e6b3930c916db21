/** Requests that the house makes itself, through the same gate as any other. https://hl7.org/fhir/R4/http.html */
import type { FhirRequest } from './interaction.ts';

/** What of a client's request goes on into those that follow from it. */
export type Origin = Pick<FhirRequest, 'base' | 'requestId' | 'address'>;

/** Where nobody asked. */
export const ofItself = (base: string): Origin => ({ base, requestId: '', address: '' });

export const insideRequest = (
  origin: Origin,
  asked: Pick<FhirRequest, 'interaction' | 'type'> & Partial<FhirRequest>,
): FhirRequest => ({ id: '', parameters: [], conditions: {}, strict: true, ...origin, ...asked });
