/** What stands around a patient in ADT: next of kin, allergies, diagnoses, insurance. https://build.fhir.org/ig/HL7/v2-to-fhir/segment_maps.html */
import { filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { notTold } from './datatypes.ts';
import type { Making } from './making.ts';
import { fill } from './rows.ts';

const CLINICAL = 'http://terminology.hl7.org/CodeSystem/';
const concept = (system: string, code: string) => ({ coding: [{ system: CLINICAL + system, code }] });

const keyOf = (value: any): string => {
  const [coding] = value?.coding ?? [];
  return coding ? `${coding.system ?? ''}|${coding.code}` : (value?.text ?? '');
};

/** What makes it the same when it is told again: a number, else what it is, else its place in the message. */
function addAll(
  name: string,
  rest: readonly Segment[],
  making: Making,
  make: (said: any, segment: Segment) => { resource: any; key: string },
): void {
  const { message, around, drafts, patientKey } = making;
  for (const [i, segment] of rest.filter((one) => one.name === name).entries()) {
    const said = fill(message, segment, around).resource;
    if (Object.keys(said).length === 0) continue;
    const { resource, key } = make(said, segment);
    drafts.add(resource, [patientKey, name, key || i], (_existing, next) => next);
  }
}

/** `rest`: what stands under the PID. */
export function addAbout(rest: readonly Segment[], making: Making): void {
  const { subject, encounter } = making;
  const patient = { reference: subject };
  addAll('NK1', rest, making, (said) => ({
    resource: filled({ resourceType: 'RelatedPerson', active: true, patient, ...said }),
    key: said.identifier?.[0]?.value ?? said.name?.map((n: any) => `${n.family}|${n.given}`)[0] ?? '',
  }));
  addAll('AL1', rest, making, (said) => {
    const { reaction: [reaction] = [], ...rest } = said;
    const severe = reaction?.severity === 'severe';
    // R4 has no reaction without what it shows as.
    const shown = reaction && { ...reaction, manifestation: reaction.manifestation ?? [{ text: 'not told' }] };
    return {
      resource: filled({
        resourceType: 'AllergyIntolerance',
        clinicalStatus: concept('allergyintolerance-clinical', 'active'),
        patient,
        ...rest,
        criticality: severe ? 'high' : undefined,
        code: said.code ?? notTold(),
        reaction: shown && [shown],
      }),
      key: keyOf(said.code),
    };
  });
  addAll('DG1', rest, making, (said, segment) => {
    const isWithdrawn = segment.get(21)?.trim() === 'D';
    const verification = isWithdrawn ? 'entered-in-error' : said.verificationStatus;
    const { verificationStatus: _verification, ...rest } = said;
    return {
      resource: filled({
        resourceType: 'Condition',
        clinicalStatus: isWithdrawn ? undefined : concept('condition-clinical', 'active'),
        verificationStatus: verification && concept('condition-ver-status', verification),
        category: [concept('condition-category', 'encounter-diagnosis')],
        ...rest,
        code: said.code ?? notTold(),
        subject: patient,
        encounter: encounter && { reference: encounter },
      }),
      key: `${encounter === undefined ? '' : making.visitKey}|${said.identifier?.[0]?.value ?? keyOf(said.code)}`,
    };
  });
  addAll('IN1', rest, making, (said) => {
    const payor = said.payor?.[0] ?? {};
    return {
      resource: filled({
        resourceType: 'Coverage',
        status: 'active',
        beneficiary: patient,
        ...said,
        payor: [filled({ type: 'Organization', ...payor, display: payor.display ?? 'not told' })],
      }),
      key: `${said.class?.[0]?.value ?? ''}|${payor.identifier?.value ?? payor.display ?? ''}|${said.subscriberId ?? ''}`,
    };
  });
}
