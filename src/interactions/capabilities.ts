/** capabilities: what this server promises. https://hl7.org/fhir/R4/http.html#capabilities */
import type { Interaction } from './interaction.ts';

/** `statement` gives the CapabilityStatement for a base URL. */
export const capabilities = (statement: (base: string) => object): Interaction => {
  const made = new Map<string, string>();
  return {
    code: 'capabilities',
    right: '',
    async handle({ base }) {
      let text = made.get(base);
      if (text === undefined) {
        text = JSON.stringify(statement(base));
        if (made.size < 16) made.set(base, text);
      }
      return { status: 200, text };
    },
  };
};
