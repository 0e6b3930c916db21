/** Whether somebody has seen an alert, who and when: what the mitigation of its DetectedIssue says. https://hl7.org/fhir/R4/detectedissue.html */
import type { Resource } from '../../fhir/references.ts';

export interface Acknowledgement {
  /** `Practitioner/7`, or who it was in words. */
  readonly by: string;
  /** FHIR dateTime. */
  readonly at: string;
}

export const actionSystem = (canonical: string): string => `${canonical}/CodeSystem/alert-action`;

/** Of several the last counts; undefined where nobody has. */
export function acknowledgementIn(issue: Resource | undefined, canonical: string): Acknowledgement | undefined {
  const deeds: readonly any[] = (issue?.['mitigation'] ?? []).filter((mitigation: any) =>
    mitigation.action?.coding?.some(({ system }: any) => system === actionSystem(canonical)),
  );
  const last = deeds.at(-1);
  if (!last?.action.coding.some(({ code }: any) => code === 'acknowledged')) return undefined;
  const { author, date, action } = last;
  return { by: author?.reference ?? author?.display ?? action.text ?? 'unknown', at: date ?? '' };
}
