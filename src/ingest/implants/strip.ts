/** A strip of an electrogram, as SampledData. https://hl7.org/fhir/R4/datatypes.html#SampledData */
import { ExactNumber } from '../../fhir/json.ts';
import type { Resource } from '../../fhir/references.ts';
import { clean, filled } from '../intake/entries.ts';
import { effectiveOf, labelsOf, observationIdOf, procedureCategory, type Setting } from './observation.ts';
import { decimalOf, MDC, unitOf } from './terms.ts';
import type { Strip } from './told.ts';

const UCUM = 'http://unitsofmeasure.org';

/** False where a sample or the time between two cannot be read. */
export const isReadable = ({ samples, period, factor }: Strip): boolean =>
  samples.length > 0 &&
  samples.every((sample) => /^[ELU]$/.test(sample) || decimalOf(sample) !== undefined) &&
  Number(decimalOf(period) ?? 0) > 0 &&
  (factor === undefined || decimalOf(factor) !== undefined);

export function stripObservation(strip: Strip, of: Setting): Resource & { readonly id: string } {
  const at = { ...of, at: strip.at, instant: strip.instant };
  const unit = unitOf(strip.unit ?? 'mV');
  return filled({
    resourceType: 'Observation',
    id: observationIdOf(of, `strip|${strip.id}`),
    meta: { profile: [`${of.canonical}/StructureDefinition/cied-strip`], security: labelsOf(at) },
    identifier: [{ system: `${of.canonical}/sid/strip`, value: `${of.maker}|${clean(strip.id, 300) ?? '-'}` }],
    status: of.status,
    category: procedureCategory,
    code: {
      coding: [{ system: MDC, code: '131328', display: 'MDC_ECG_ELEC_POTL' }],
      text: clean(strip.title, 200) ?? (strip.channel === undefined ? undefined : `Electrogram ${strip.channel}`),
    },
    subject: { reference: of.patient },
    effectiveDateTime: effectiveOf(at),
    issued: new Date(of.issued).toISOString(),
    valueSampledData: filled({
      origin: { value: 0, unit, system: UCUM, code: unit },
      period: new ExactNumber(decimalOf(strip.period)!),
      factor: strip.factor === undefined ? undefined : new ExactNumber(decimalOf(strip.factor)!),
      dimensions: 1,
      data: strip.samples.map((sample) => decimalOf(sample) ?? sample).join(' '),
    }),
    device: { reference: of.device },
    derivedFrom: of.hasPanel === false ? [] : [{ reference: `Observation/${observationIdOf(of, 'panel')}` }],
  });
}
