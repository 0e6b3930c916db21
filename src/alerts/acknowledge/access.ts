/** Who may acknowledge or resolve an alert, and what is written in their name then: this and no more. docs/cardiac.md */
import { problem } from '../../fhir/outcome.ts';
import { keyOf, type Resource, referenceTo } from '../../fhir/references.ts';
import type { Access, Caller } from '../../interactions/interaction.ts';
import { none } from '../../search/query.ts';

/** Refuses whoever may not change the Flag, or the Task of an alert that has none; devices and patients always, whatever else they may. */
export async function demandAcknowledging({ who, access }: Caller, changed: Resource): Promise<void> {
  const type = changed.resourceType;
  const isNever = ['Device', 'Patient', 'RelatedPerson'].includes(keyOf(who)?.type ?? '');
  if (!isNever && access.permits('update', type) && (await access.mayWrite(changed, changed))) return;
  const scope = isNever ? undefined : access.scopeFor?.('update', type);
  const more = scope === undefined ? '' : `, scope="${scope}"`;
  throw problem('forbidden', `acknowledging or resolving an alert takes the right to change its ${type}`, {
    headers: { 'WWW-Authenticate': `Bearer realm="watchfire", error="insufficient_scope"${more}` },
  });
}

/** Of an author: a Practitioner as such, everybody else by name. https://hl7.org/fhir/R4/detectedissue-definitions.html#DetectedIssue.mitigation.author */
export const authorOf = ({ who }: Caller): { readonly reference: string } | { readonly display: string } =>
  ['Practitioner', 'PractitionerRole'].includes(keyOf(who)?.type ?? '') ? { reference: who } : { display: who };

/** A nurse may change a Flag, but neither the DetectedIssue nor write Provenance: the house does, these resources and one new one. */
export function acknowledgingAccess(targets: readonly string[]): Access {
  const isMeant = (resource: Resource) =>
    resource.id !== undefined && targets.includes(referenceTo({ type: resource.resourceType, id: resource.id }));
  return {
    unrestricted: false,
    permits: (interaction, type) =>
      interaction === 'transaction' ||
      (interaction === 'update' && ['DetectedIssue', 'Task', 'Flag'].includes(type)) ||
      (interaction === 'create' && type === 'Provenance'),
    finds: () => none,
    sees: isMeant,
    shows: (text) => text,
    mayWrite: (before, after) =>
      after !== undefined &&
      (before === undefined ? after.resourceType === 'Provenance' : isMeant(before) && isMeant(after)),
  };
}
