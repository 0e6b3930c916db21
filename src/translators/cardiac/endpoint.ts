/** What FHIR may know of a maker that we are let in by: where it is asked and in which environment, never with what. https://hl7.org/fhir/R4/endpoint.html */
import { insideRequest, type Origin } from '../../interactions/inside.ts';
import type { FhirRequest } from '../../interactions/interaction.ts';
import type { Environment } from '../../outbound/maker.ts';

export interface EndpointOf {
  readonly maker: string;
  readonly environment: Environment;
  /** Base URL; without one no call leaves, and the Endpoint is off. */
  readonly address: string | undefined;
  readonly canonical: string;
  readonly origin: Origin;
  /** Without a credential it is off too. */
  readonly isRemoved?: boolean;
}

const absent = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'not-applicable' }],
};

/** The update that writes it. */
export function endpointRequest(of: EndpointOf): FhirRequest {
  const { maker, environment, address, canonical, origin, isRemoved = false } = of;
  const id = `maker-${maker}-${environment}`;
  const resource = {
    resourceType: 'Endpoint',
    id,
    identifier: [{ system: `${canonical}/sid/maker-endpoint`, value: `${maker}/${environment}` }],
    status: address === undefined || isRemoved ? 'off' : 'active',
    connectionType: { system: `${canonical}/CodeSystem/endpoint-connection-type`, code: 'maker-rest' },
    name: `${maker} (${environment})`,
    payloadType: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/endpoint-payload-type', code: 'any' }] }],
    ...(address === undefined ? { _address: absent } : { address }),
  };
  const body = { text: JSON.stringify(resource), resource };
  return insideRequest(origin, { interaction: 'update', type: 'Endpoint', id, body });
}
