/** The audit trail: one compact row for each interaction, on disk before or soon after the answer leaves. https://profiles.ihe.net/ITI/BALP */
import { referenceTo } from '../fhir/references.ts';
import type { Caller, FhirRequest, InteractionCode } from '../interactions/interaction.ts';
import { queryOf } from '../interactions/route.ts';
import type { Runtime } from '../runtime.ts';
import type { AuditRow, Change, Store } from '../store/store.ts';

/** BALP's letters; a query is executed. */
const ACTIONS: Partial<Record<InteractionCode, string>> = {
  create: 'C',
  read: 'R',
  vread: 'R',
  update: 'U',
  patch: 'U',
  delete: 'D',
  'history-instance': 'R',
  capabilities: 'R',
};
const actionOf = (interaction: string): string => ACTIONS[interaction as InteractionCode] ?? 'E';

/** How long a row may wait in `prompt` mode, in milliseconds; the promise is 100. */
const PROMPT = 50;

export interface Trail {
  /** Resolves when the row is on disk (`strict`), or at once (`prompt`, on disk within 100 ms). */
  record(row: AuditRow): Promise<void>;
  /** Resolves when no row waits any more. */
  flush(): Promise<void>;
  /** Errors that have their row already, so that a door does not write a second one. */
  readonly recorded: WeakSet<object>;
}

export const appended = (row: AuditRow): Change => ({ op: 'append', log: 'audit', row });

/** What a request is about, as far as its method and path tell: enough for one that was refused to be found by patient. */
export function aimOf({
  interaction,
  type,
  id,
  operation,
  compartment,
}: Pick<FhirRequest, 'interaction' | 'type' | 'id' | 'operation' | 'compartment'>) {
  const about = compartment ?? { type, id };
  const named = about.id ? referenceTo(about) : type;
  const target = compartment ? `${named}/${type || '*'}` : named;
  return {
    interaction,
    action: actionOf(interaction),
    target: [target, operation && `$${operation.code}`].filter(Boolean).join(' '),
    patients: about.type === 'Patient' && about.id ? named : '',
  };
}

/** What of a row is known from the request alone. */
export const rowFor = (
  request: FhirRequest,
  caller: Caller,
  now: number,
  rest: Pick<AuditRow, 'status'> & Partial<AuditRow>,
): AuditRow => ({
  at: now,
  who: caller.who,
  key: caller.key ?? '',
  ...aimOf(request),
  requestId: request.requestId,
  address: request.address,
  query: queryOf(request.parameters),
  reason: '',
  ...rest,
});

export function createTrail(store: Store, runtime: Runtime, mode: 'strict' | 'prompt'): Trail {
  let waiting: AuditRow[] = [];
  let flushing: Promise<void> | undefined;

  async function commitWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const rows = waiting;
      waiting = [];
      try {
        await store.commit(rows.map(appended));
      } catch (error) {
        waiting = [...rows, ...waiting];
        throw error;
      }
    }
  }

  function flushSoon(): void {
    flushing ??= runtime
      .sleep(PROMPT)
      .then(commitWaiting)
      // The rows wait on and are tried again with the next; a store that stays closed shows in /health/ready.
      .catch(() => undefined)
      .finally(() => {
        flushing = undefined;
      });
  }

  return {
    recorded: new WeakSet(),
    async record(row) {
      if (mode === 'strict') {
        await store.commit([appended(row)]);
        return;
      }
      waiting.push(row);
      flushSoon();
    },
    async flush() {
      await flushing;
      await commitWaiting();
    },
  };
}
