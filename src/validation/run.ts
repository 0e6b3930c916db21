/** One validation on its way: where it stands in the resource, and the faults found so far. https://hl7.org/fhir/R4/validation.html */
import type { Issue, IssueCode } from '../fhir/outcome.ts';

/** Looks at one value and reports its faults to the run. Never throws, whatever the value is. */
export type Check = (value: any, run: Run) => void;

export interface Run {
  readonly issues: Issue[];
  /** Steps from the top to the element in hand: names and positions, the first `depth` of them. */
  readonly path: (string | number)[];
  depth: number;
  /** The resource that the element in hand belongs to: FHIRPath's %resource. */
  resource: any;
  /** The resource that contains `resource`, or is it: FHIRPath's %rootResource. */
  root: any;
  /** Numbers seen at elements of integer type. */
  integers: number;
  /** References may still be searches (`Patient?identifier=...`), as in a transaction. */
  searches: boolean;
}

const mostIssues = 100;
const longestName = 64;

export const runOn = (resource: any): Run => ({
  issues: [],
  path: [],
  depth: 0,
  resource,
  root: resource,
  integers: 0,
  searches: false,
});

/** No further fault will be listed, so that work on the rest is in vain. */
export const isFull = ({ issues }: Run): boolean => issues.length > mostIssues;

/**
 * Reports a fault of the element in hand, or of its child `name`; once, even where a profile repeats what R4 says. The
 * sentence must not hold a value.
 */
export function fault(run: Run, code: IssueCode, diagnostics: string, name?: string): void {
  const { issues } = run;
  if (isFull(run)) return;
  const expression = expressionOf(run, name);
  if (issues.some((told) => told.expression === expression && told.code === code && told.diagnostics === diagnostics))
    return;
  if (issues.length < mostIssues) {
    issues.push({ severity: 'error', code, diagnostics, expression });
  } else {
    const note = `there are more faults; the first ${mostIssues} are listed`;
    issues.push({ severity: 'information', code: 'informational', diagnostics: note });
  }
}

function expressionOf({ path, depth }: Run, name: string | undefined): string {
  let text = '';
  for (let i = 0; i < depth; i++) {
    const step = path[i]!;
    text += typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`;
  }
  return name === undefined ? text : `${text}.${name}`;
}

/** A member name from outside as it may stand in a message; undefined when it is no plain word. */
export const plainName = (name: string): string | undefined =>
  name.length <= longestName && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : undefined;
