/** How the server is secured, as its CapabilityStatement says it: the security part of `rest`. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.security */
import { type Offered, oauthPaths } from '../smart/discovery.ts';

const oauthUris = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';

/** With SMART the addresses that apps of its first version look for here. */
export const smartSecurity = ({ issuer, takesRegistrations }: Offered): object => {
  const told = (['authorize', 'token', 'introspect', 'revoke', 'manage', 'register'] as const).filter(
    (name) => name !== 'register' || takesRegistrations,
  );
  return {
    extension: [{ url: oauthUris, extension: told.map((url) => ({ url, valueUri: issuer + oauthPaths[url] })) }],
    cors: true,
    service: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
            code: 'SMART-on-FHIR',
            display: 'SMART-on-FHIR',
          },
        ],
        text: 'OAuth 2 with SMART App Launch and Backend Services (see .well-known/smart-configuration)',
      },
      { text: 'Bearer token' },
    ],
    description:
      "Authorization: Bearer with an access token of this server's /oauth, with the administrator's token or with a device's API key. Only this statement and the discovery documents can be read without one. Browsers may read from the origins of registered apps.",
  };
};
