/** Whether somebody has seen an alert, who and when: what the mitigation of its DetectedIssue says. https://hl7.org/fhir/R4/detectedissue.html */
import type { Resource } from '../../fhir/references.ts';

export interface Acknowledgement {
  /** `Practitioner/7`, or who it was in words. */
  readonly by: string;
  /** FHIR dateTime. */
  readonly at: string;
}

export const actionSystem = (canonical: string): string => `${canonical}/CodeSystem/alert-action`;

/** The last deed about the alert, among all or among some. */
function lastDeed(issue: Resource | undefined, canonical: string, among: (code: string) => boolean) {
  const deeds: readonly any[] = issue?.['mitigation'] ?? [];
  for (const { action, author, date } of deeds.toReversed()) {
    const coding = action?.coding?.find(({ system }: any) => system === actionSystem(canonical));
    if (coding !== undefined && among(coding.code))
      return {
        code: coding.code as string,
        by: author?.reference ?? author?.display ?? action.text ?? 'unknown',
        at: date ?? '',
      };
  }
  return undefined;
}

/** Of several the last counts; undefined where nobody has. That it was resolved changes nothing of it. */
export function acknowledgementIn(issue: Resource | undefined, canonical: string): Acknowledgement | undefined {
  const last = lastDeed(issue, canonical, (code) => code !== 'resolved');
  return last?.code === 'acknowledged' ? { by: last.by, at: last.at } : undefined;
}

/** Whether somebody knows of what the alert is now: it was acknowledged or resolved, and not taken back or worse since. */
export const isKnownIn = (issue: Resource | undefined, canonical: string): boolean =>
  ['acknowledged', 'resolved'].includes(lastDeed(issue, canonical, () => true)?.code ?? '');

/** Who ended the Flag of an alert; undefined where that was the condition, or it goes on. */
export function resolutionIn(
  flag: Resource,
  issue: Resource | undefined,
  canonical: string,
): Acknowledgement | undefined {
  const last = lastDeed(issue, canonical, (code) => code === 'resolved');
  // Taken up again since, and over by itself: that has another end.
  const isOfThisEnd = flag.status === 'inactive' && last?.at === flag['period']?.end;
  return last && isOfThisEnd ? { by: last.by, at: last.at } : undefined;
}
