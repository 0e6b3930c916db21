/** capabilities: what this server promises. https://hl7.org/fhir/R4/http.html#capabilities */
import { untilDefinitionsChange } from '../search/knowledge.ts';
import type { Interaction } from './interaction.ts';

/** `statement` gives the CapabilityStatement for the FHIR base; asked again when search parameters came or went. */
export const capabilities = (statement: (base: string) => object): Interaction => {
  const texts = untilDefinitionsChange<string>();
  return {
    code: 'capabilities',
    right: '',
    async handle(_request, { base }) {
      const text = texts.get(base) ?? JSON.stringify(statement(base));
      texts.set(base, text);
      return { status: 200, text };
    },
  };
};
