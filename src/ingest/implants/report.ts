/** The report of an interrogation, as a DiagnosticReport with the document in it; a large one beside it. https://hl7.org/fhir/R4/diagnosticreport.html */
import { hash } from 'node:crypto';
import { isBase64 } from '../../fhir/primitives.ts';
import type { Resource } from '../../fhir/references.ts';
import { clean, filled } from '../intake/entries.ts';
import { effectiveOf, observationIdOf, type Setting } from './observation.ts';
import type { ReportTold } from './told.ts';

type Made = Resource & { readonly id: string };

/** Bytes up to which the document stands in the DiagnosticReport itself: whoever lists reports reads all that is in them. */
const INLINE = 256 * 1024;
/** IDCO and makers send 20 MB at most. */
export const largestReport = 20 * 1024 * 1024;
/** MongoDB stores 16 MB as one document, and base64 is a third longer: what is larger is kept in parts. */
const PART = 8 * 1024 * 1024;
export const mostParts = Math.ceil(largestReport / PART);

/** Behind the title of a part. */
const partWords = (part: number, count: number): string => ` (part ${part} of ${count})`;
export const isPart = (title: unknown): boolean => typeof title === 'string' && / \(part \d of \d\)$/.test(title);

/** The bytes of the document; undefined where it is no base64 or is too large. */
export function documentIn({ data }: Pick<ReportTold, 'data'>): Buffer | undefined {
  if (!isBase64(data)) return undefined;
  const bytes = Buffer.from(data, 'base64');
  return bytes.length > largestReport ? undefined : bytes;
}

/** The DiagnosticReport, before it DocumentReference and Binary where the document is large. */
export function reportResources(report: ReportTold, bytes: Buffer, at: Setting): readonly Made[] {
  const { canonical } = at;
  const contentType = clean(report.contentType, 100) ?? 'application/pdf';
  const title = clean(report.title, 250) ?? 'Implant interrogation report';
  const transmission = report.transmission ?? at.transmission;
  const idOf = (part: string) => observationIdOf(at, part);
  const isLarge = bytes.length > INLINE;
  const count = Math.ceil(bytes.length / PART);
  const parts = Array.from({ length: count }, (_, i) => {
    const part = bytes.subarray(i * PART, (i + 1) * PART);
    const print = hash('sha1', part, 'base64');
    const name = count === 1 ? title : `${title}${partWords(i + 1, count)}`;
    return {
      id: idOf(i === 0 ? `report|${print}` : `report|${print}|${i}`),
      data: part.toString('base64'),
      attachment: { contentType, size: part.length, hash: print, title: name },
    };
  });
  const presentedForm = parts.map(({ id, data, attachment }) =>
    isLarge ? { ...attachment, url: `Binary/${id}` } : { ...attachment, data },
  );
  const beside: readonly Made[] = isLarge
    ? [
        // Who may read the report may read what belongs to it.
        ...parts.map(({ id, data }) => ({
          resourceType: 'Binary',
          id,
          contentType,
          securityContext: { reference: `DiagnosticReport/${idOf('report')}` },
          data,
        })),
        {
          resourceType: 'DocumentReference',
          id: idOf(`report|document|${hash('sha1', bytes, 'base64')}`),
          status: 'current',
          type: { text: 'Implant interrogation report' },
          subject: { reference: at.patient },
          date: new Date(at.issued).toISOString(),
          content: presentedForm.map((attachment) => ({ attachment })),
          context: { related: [{ reference: at.device }] },
        },
      ]
    : [];
  const diagnostic = filled({
    resourceType: 'DiagnosticReport',
    id: idOf('report'),
    meta: { profile: [`${canonical}/StructureDefinition/cied-report`] },
    identifier:
      transmission === undefined
        ? undefined
        : [{ system: `${canonical}/sid/transmission`, value: clean(transmission, 500) }],
    status: at.status,
    code: {
      coding: [
        {
          system: `${canonical}/CodeSystem/cardiac-device-kind`,
          code: 'interrogation-report',
          display: 'Implant interrogation report',
        },
      ],
      text: 'Implant interrogation report',
    },
    subject: { reference: at.patient },
    effectiveDateTime: effectiveOf(at),
    issued: new Date(at.issued).toISOString(),
    result: at.hasPanel === false ? [] : [{ reference: `Observation/${idOf('panel')}` }],
    presentedForm,
  });
  return [...beside, diagnostic];
}
