/** Checks a resource: its type, its elements, the rules of contained resources, the profiles that it claims. https://hl7.org/fhir/R4/domainresource.html#constraints */
import { resourceTypes } from '../fhir/definitions.ts';
import { extensionChecks } from './extensions.ts';
import { checkProfiles } from './profiles.ts';
import { fault, type Run } from './run.ts';
import { checkShape } from './shape.ts';
import { createShapes } from './types.ts';

/** Of resource types, datatypes and backbone elements, by their names. */
export const shapeOf = createShapes((shapes) => ({
  ...extensionChecks(shapes),
  contained: checkContained,
  inner: (value, run) => checkWithin(value, run, value),
}));

/** A resource in `contained`, which belongs to the resource around it. */
function checkContained(value: any, run: Run): void {
  if (typeof value !== 'object' || value === null) {
    fault(run, 'structure', 'must be a resource');
    return;
  }
  if (value.contained !== undefined) fault(run, 'invariant', 'must not contain resources of its own (dom-2)');
  if (value.meta?.versionId !== undefined || value.meta?.lastUpdated !== undefined)
    fault(run, 'invariant', 'must have neither meta.versionId nor meta.lastUpdated (dom-4)');
  if (value.meta?.security !== undefined) fault(run, 'invariant', 'must have no meta.security (dom-5)');
  checkWithin(value, run, run.root);
}

function checkWithin(value: any, run: Run, root: any): void {
  const { resource: outer, root: outerRoot } = run;
  run.resource = value;
  run.root = root;
  checkResource(value, run);
  run.resource = outer;
  run.root = outerRoot;
}

/** Checks `run.resource`, at the place where the run stands. */
export function checkResource(value: any, run: Run): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fault(run, 'structure', 'must be a resource');
    return;
  }
  const type = value.resourceType;
  if (typeof type !== 'string') {
    fault(run, 'structure', 'resourceType is missing', 'resourceType');
    return;
  }
  if (!resourceTypes.has(type)) {
    fault(run, 'not-supported', 'is not a resource type of R4', 'resourceType');
    return;
  }
  checkShape(value, shapeOf(type), run);
  if (Array.isArray(value.contained)) checkContainedAreUsed(value, run);
  if (value.meta?.profile !== undefined) checkProfiles(value, run);
}

/** dom-3: every contained resource is referred to, or refers to the resource around it. */
function checkContainedAreUsed(resource: any, run: Run): void {
  const used = new Set<string>();
  gather(resource, used);
  for (const [i, contained] of resource.contained.entries()) {
    if (used.has(`#${contained?.id}`) || refersOut(contained)) continue;
    fault(run, 'invariant', 'must be referred to from the resource around it (dom-3)', `contained[${i}]`);
  }
}

/** All texts that could refer to something contained. */
function gather(value: any, found: Set<string>): void {
  if (typeof value === 'string') {
    if (value[0] === '#') found.add(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const key in value) gather(value[key], found);
  }
}

function refersOut(contained: any): boolean {
  const found = new Set<string>();
  gather(contained, found);
  return found.has('#');
}
