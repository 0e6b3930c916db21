/** What a device may do through a door that has let it in: write its own readings and what was noticed about them, find its own readings. */
import type { Resource } from '../fhir/references.ts';
import type { Access } from '../interactions/interaction.ts';

export function ingestAccess(device: string): Access {
  const isOwn = (resource: Resource) =>
    resource.resourceType === 'Observation'
      ? resource.device?.reference === device
      : resource.resourceType === 'DetectedIssue' && resource.author?.reference === device;
  return {
    unrestricted: false,
    permits: (interaction, type) =>
      interaction === 'transaction' ||
      (interaction === 'update' && (type === 'Observation' || type === 'DetectedIssue')) ||
      (interaction === 'search-type' && type === 'Observation'),
    finds: (type) =>
      type === 'Observation' ? { is: 'reference', name: 'Observation.device', target: device } : { is: 'any', of: [] },
    sees: isOwn,
    shows: (text) => text,
    mayWrite: (before, after) => (before === undefined || isOwn(before)) && after !== undefined && isOwn(after),
  };
}
