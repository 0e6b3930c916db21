/** capabilities: what this server promises. https://hl7.org/fhir/R4/http.html#capabilities */
import type { Interaction } from './interaction.ts';

/** Where the base URL goes: clients reach one server under many names, and the statement is made once for all of them. */
const PLACE = 'urn:watchfire:base';

/** `statement` gives the CapabilityStatement for a base URL. */
export const capabilities = (statement: (base: string) => object): Interaction => {
  let parts: readonly string[] | undefined;
  return {
    code: 'capabilities',
    right: '',
    async handle({ base }) {
      parts ??= JSON.stringify(statement(PLACE)).split(PLACE);
      return { status: 200, text: parts.join(JSON.stringify(base).slice(1, -1)) };
    },
  };
};
