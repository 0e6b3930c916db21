/** Whose the implant is and since when, and the operation that made it so; dates as precise as told. https://hl7.org/fhir/R4/deviceusestatement.html, https://hl7.org/fhir/R4/procedure.html */
import type { Resource } from '../../fhir/references.ts';
import { filled } from '../intake/entries.ts';
import { typeWord } from './device.ts';
import { partIdOf } from './identity.ts';
import { isDateTime } from './patient.ts';
import type { Implant } from './told.ts';

type Made = Resource & { readonly id: string };

export const useIdOf = (implant: string, patient: string, count: number): string =>
  partIdOf(implant, 'use', patient, count);

interface Use {
  readonly id: string;
  readonly patient: string;
  readonly device: string;
  /** FHIR dateTime, partial ones kept. */
  readonly start: string | undefined;
  readonly end?: string | undefined;
}

export const use = ({ id, patient, device, start, end }: Use, canonical: string): Made => {
  const timingPeriod = start === undefined && end === undefined ? undefined : filled({ start, end });
  return filled({
    resourceType: 'DeviceUseStatement',
    id,
    meta: { profile: [`${canonical}/StructureDefinition/cied-device-use`] },
    status: end === undefined ? 'active' : 'completed',
    subject: { reference: patient },
    timingPeriod,
    device: { reference: device },
  });
};

export const implantedOf = ({ implanted }: Implant): string | undefined =>
  isDateTime(implanted) ? implanted : undefined;
export const explantedOf = ({ explanted }: Implant): string | undefined =>
  isDateTime(explanted) ? explanted : undefined;

const deeds = { implanted: 'Implantation', explanted: 'Explantation' } as const;

/** The operation, where its date is known. */
export function procedures(
  implant: Implant,
  id: string,
  device: string,
  patient: string,
  canonical: string,
): readonly Made[] {
  return (['implanted', 'explanted'] as const).flatMap((action) => {
    const performed = action === 'implanted' ? implantedOf(implant) : explantedOf(implant);
    if (performed === undefined || implant.type === 'remote-monitor') return [];
    return [
      {
        resourceType: 'Procedure',
        id: partIdOf(id, 'procedure', action, patient),
        meta: { profile: [`${canonical}/StructureDefinition/cied-implant-procedure`] },
        status: 'completed',
        code: {
          coding: [{ system: `${canonical}/CodeSystem/cied-procedure`, code: action, display: deeds[action] }],
          text: `${deeds[action]}: ${typeWord(implant.type)}`,
        },
        subject: { reference: patient },
        performedDateTime: performed,
        focalDevice: [
          {
            action: { coding: [{ system: 'http://hl7.org/fhir/device-action', code: action }] },
            manipulated: { reference: device },
          },
        ],
      },
    ];
  });
}
