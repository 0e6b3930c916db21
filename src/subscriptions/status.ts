/** The server's own steps in the life of a Subscription: active, error, off. https://hl7.org/fhir/R4/valueset-subscription-status.html */
import { setMember } from '../fhir/json.ts';
import { Problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { insideRequest, ofItself } from '../interactions/inside.ts';
import type { Caller, Dispatch } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import { system } from '../smart/access.ts';
import { type Change, isAbsent, type Store } from '../store/store.ts';

export const notifierName = 'System/notifier';
const notifier: Caller = system('notifier');

export interface StatusParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
  readonly signal: AbortSignal;
}

export interface Step {
  readonly status: 'active' | 'error' | 'off';
  /** Subscription.error; none where left out. */
  readonly error?: string;
}

/** What happened before waits and is sent once it may again; what happens from now on is not an event for it. */
export const mayNotRead: Step = {
  status: 'error',
  error:
    'Its owner may no longer read what it watches for; what happens until that changes is not sent, also not later',
};

/**
 * Takes a step as System/notifier if it still fits: `decide` sees the newest version, and again when somebody else wrote
 * meanwhile. `also` is committed with it. Resolves to whether the step was taken.
 */
export async function takeStep(
  parts: StatusParts,
  id: string,
  decide: (subscription: Resource) => Step | undefined,
  also: readonly Change[] = [],
): Promise<boolean> {
  for (;;) {
    const [version] = await parts.store.read([{ type: 'Subscription', id }]);
    if (version === undefined || isAbsent(version)) return false;
    const step = decide(JSON.parse(version.text));
    if (step === undefined) return false;
    const text = setMember(
      setMember(version.text, ['status'], JSON.stringify(step.status)),
      ['error'],
      step.error === undefined ? undefined : JSON.stringify(step.error),
    );
    try {
      await parts.dispatch(
        insideRequest(ofItself(parts.base), {
          interaction: 'update',
          type: 'Subscription',
          id,
          conditions: { ifMatch: version.versionId },
          body: { text, resource: JSON.parse(text) },
        }),
        notifier,
        also,
      );
      return true;
    } catch (error) {
      // Somebody else wrote it meanwhile: what is newest now decides.
      if (!(error instanceof Problem && error.code === 'conflict') || parts.signal.aborted) throw error;
    }
  }
}
