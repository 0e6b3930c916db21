/** How bad it is, in the words of each of an alert's resources. http://hl7.org/fhir/StructureDefinition/flag-priority, https://hl7.org/fhir/R4/valueset-detectedissue-severity.html, https://hl7.org/fhir/R4/valueset-request-priority.html */
import type { AlertSeverity } from './alert.ts';

export const FLAG_PRIORITY = 'http://hl7.org/fhir/StructureDefinition/flag-priority';

export const severities = {
  critical: { flag: 'PH', word: 'High priority', issue: 'high', task: 'stat' },
  warning: { flag: 'PM', word: 'Medium priority', issue: 'moderate', task: 'urgent' },
  info: { flag: 'PL', word: 'Low priority', issue: 'low', task: 'routine' },
} as const satisfies Readonly<Record<AlertSeverity, object>>;

const rank = { info: 0, warning: 1, critical: 2 } as const;
export const isWorse = (a: AlertSeverity, b: AlertSeverity): boolean => rank[a] > rank[b];

/** The extension of a Flag that says it. */
export const priorityOf = (severity: AlertSeverity) => {
  const { flag: code, word: display } = severities[severity];
  return {
    url: FLAG_PRIORITY,
    valueCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/flag-priority-code', code, display }] },
  };
};

/** The extensions of a Flag with the priority of this severity instead of its own. */
export const withPriority = (extensions: readonly any[] | undefined, severity: AlertSeverity): readonly any[] => [
  priorityOf(severity),
  ...(extensions ?? []).filter(({ url }) => url !== FLAG_PRIORITY),
];

/** What the priority of a Flag says; a warning where it has none. */
export const severityIn = (flag: any): AlertSeverity => {
  const priority = flag.extension?.find(({ url }: any) => url === FLAG_PRIORITY)?.valueCodeableConcept?.coding?.[0]
    ?.code;
  return (['critical', 'info'] as const).find((one) => severities[one].flag === priority) ?? 'warning';
};

/** What the severity of a DetectedIssue says; undefined where it has none of ours. */
export const severityOfIssue = (issue: any): AlertSeverity | undefined =>
  (['critical', 'warning', 'info'] as const).find((one) => severities[one].issue === issue?.severity);
