/** Which readings opened or raised Flags in a commit, told from what followed from it. https://hl7.org/fhir/R4/flag.html */
import type { FhirAnswer } from '../interactions/interaction.ts';

const FLAG_DETAIL = 'http://hl7.org/fhir/StructureDefinition/flag-detail';

/** How many Flags a commit opened or raised, by the Observation that did (`Observation/1`). */
export function alertsRaised({ effects = [] }: FhirAnswer): ReadonlyMap<string, number> {
  const raised = new Map<string, number>();
  for (const effect of effects) {
    // Those that it saved as active: the newest of what the Flag was seen in did it.
    if (effect.op !== 'save' || effect.key.type !== 'Flag' || effect.resource.status !== 'active') continue;
    const seen = effect.resource.extension?.findLast((e: any) => e.url === FLAG_DETAIL);
    const observation = seen?.valueReference?.reference ?? '';
    raised.set(observation, (raised.get(observation) ?? 0) + 1);
  }
  return raised;
}
