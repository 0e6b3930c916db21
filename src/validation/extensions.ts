/** Checks extensions: ext-1, and that no modifier extension is there which nobody here understands. https://hl7.org/fhir/R4/extensibility.html */
import { extensionProfile } from './profiles.ts';
import { type Check, fault, type Run } from './run.ts';
import { checkShape, type Shape } from './shape.ts';
import type { Beyond, ShapeOf } from './types.ts';

/** R4's own modifier extensions. */
const known: ReadonlySet<unknown> = new Set([
  'http://hl7.org/fhir/StructureDefinition/capabilitystatement-prohibited',
  'http://hl7.org/fhir/StructureDefinition/request-doNotPerform',
]);

export function extensionChecks(shapeOf: ShapeOf): Pick<Beyond, 'extension' | 'modifierExtension'> {
  let shape: Shape | undefined;
  const extension: Check = (value, run) => {
    shape ??= shapeOf('Extension');
    checkShape(value, shape, run);
    if (typeof value !== 'object' || value === null) return;
    checkEither(value, run);
    if (typeof value.url === 'string') extensionProfile(value.url)?.(value, run);
  };
  return {
    extension,
    modifierExtension(value, run) {
      extension(value, run);
      if (!known.has(value?.url))
        fault(run, 'extension', 'a modifier extension that is not known here changes what the element means');
    },
  };
}

/** ext-1 */
function checkEither(extension: any, run: Run): void {
  let hasValue = false;
  for (const key in extension) if (key.startsWith('value') || key.startsWith('_value')) hasValue = true;
  if (hasValue !== (extension.extension !== undefined)) return;
  fault(run, 'invariant', 'must have either a value or extensions (ext-1)');
}
