/** The one gate: declared? permitted? then the interaction, then one audit row. https://hl7.org/fhir/R4/http.html */
import { appended, rowFor, type Trail } from '../audit/trail.ts';
import { Problem, problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { NotIdentified } from '../smart/identify.ts';
import type { Store } from '../store/store.ts';
import type { Caller, Context, Dispatch, Interaction, InteractionCode } from './interaction.ts';

export interface Gate {
  readonly store: Store;
  readonly trail: Trail;
  readonly runtime: Runtime;
  readonly interactions: readonly Interaction[];
  /** Whether capability/ promises this; '' is the system level. */
  readonly declared: (interaction: InteractionCode, type: string) => boolean;
}

function refusal(interaction: InteractionCode, type: string, { who }: Caller): Problem {
  if (who === 'anonymous') {
    return problem('login', 'this needs a bearer token or a device key', {
      headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
    });
  }
  return problem('forbidden', `${interaction}${type && ` of ${type}`} is not permitted with these rights`);
}

/** Why something was refused, for those who review the trail; codes, never values. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof NotIdentified) return error.reason;
  return error instanceof Problem ? error.code : 'exception';
};

export function createDispatch({ store, trail, runtime, interactions, declared }: Gate): Dispatch {
  const byCode = new Map(interactions.map((interaction) => [interaction.code, interaction]));

  const dispatch: Dispatch = async (request, caller, also = []) => {
    let isAudited = false;
    const context: Context = {
      store,
      caller,
      dispatch,
      async commit(changes, deed) {
        const row = rowFor(request, caller, runtime.now(), deed);
        const written = await store.commit([...changes, ...also, appended(row)]);
        isAudited = true;
        return written;
      },
    };
    try {
      const interaction = byCode.get(request.interaction);
      if (!interaction || !declared(request.interaction, request.type)) {
        const where = request.type ? `of ${request.type}` : 'of the whole system';
        throw problem('not-supported', `${request.interaction} ${where} is not offered`, {
          status: 405,
          headers: { Allow: '' },
        });
      }
      if (!caller.access.permits(request.interaction, request.type))
        throw refusal(request.interaction, request.type, caller);
      const answer = await interaction.handle(request, context);
      if (!isAudited) {
        const patients = answer.patients?.join(' ') ?? '';
        await trail.record(rowFor(request, caller, runtime.now(), { status: answer.status, patients }));
      }
      return answer;
    } catch (error) {
      if (!isAudited && error instanceof Object) {
        const status = error instanceof Problem ? error.status : 500;
        trail.recorded.add(error);
        await trail.record(rowFor(request, caller, runtime.now(), { status, reason: reasonOf(error) }));
      }
      throw error;
    }
  };
  return dispatch;
}
