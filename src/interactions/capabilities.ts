/** capabilities: what this server promises. https://hl7.org/fhir/R4/http.html#capabilities */
import type { Interaction } from './interaction.ts';

/** `statement` gives the CapabilityStatement for the FHIR base; asked once. */
export const capabilities = (statement: (base: string) => object): Interaction => {
  let text: string | undefined;
  return {
    code: 'capabilities',
    right: '',
    async handle(_request, { base }) {
      text ??= JSON.stringify(statement(base));
      return { status: 200, text };
    },
  };
};
