/** The one gate: declared? permitted? then the interaction, then one audit row. https://hl7.org/fhir/R4/http.html */
import { appended, rowFor, type Trail } from '../audit/trail.ts';
import { Problem } from '../fhir/outcome.ts';
import { askedWith, type Operation, operationFor } from '../operations/operation.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import type { Caller, Context, Dispatch, FhirRequest, Interaction } from './interaction.ts';
import { type Declared, demandDeclared, demandPermitted } from './permit.ts';

export interface Gate {
  readonly store: Store;
  readonly trail: Trail;
  readonly runtime: Runtime;
  /** Absolute URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  readonly interactions: readonly Interaction[];
  /** None where left out. */
  readonly operations?: readonly Operation[];
  readonly declared: Declared;
}

/** Why something was refused, for those who review the trail; codes, never values. */
export const reasonOf = (error: unknown): string => (error instanceof Problem ? error.code : 'exception');

export function createDispatch(gate: Gate): Dispatch {
  const { store, trail, runtime, base, interactions, operations = [], declared } = gate;
  const byCode = new Map(interactions.map((interaction) => [interaction.code, interaction]));
  const isOffered: Declared = (code, type) => byCode.has(code) && declared(code, type);

  /** The request as the trail tells of it. */
  function told(request: FhirRequest): FhirRequest {
    const untold = operations.find(({ code }) => code === request.operation?.code)?.untold;
    if (untold === undefined) return request;
    return {
      ...request,
      parameters: request.parameters.map(([name, value]) => [name, untold.includes(name) ? '***' : value]),
    };
  }

  /** What answers the request, once it is sure that it is offered and that the caller may ask. */
  function admitted(request: FhirRequest, caller: Caller): Pick<Interaction, 'handle'> {
    if (request.interaction === 'operation') {
      const operation = operationFor(request, operations);
      demandPermitted({ interaction: operation.right, type: request.type }, caller);
      return operation;
    }
    demandDeclared(request, isOffered);
    demandPermitted(request, caller);
    return byCode.get(request.interaction)!;
  }

  const dispatch: Dispatch = async (asked, caller, also = []) => {
    let request = asked;
    let isAudited = false;
    const context: Context = {
      store,
      caller,
      base,
      dispatch,
      async commit(changes, deed) {
        const row = rowFor(told(request), caller, runtime.now(), deed);
        const written = await store.commit([...changes, ...also, appended(row)]);
        isAudited = true;
        return written;
      },
    };
    try {
      if (asked.operation) request = { ...asked, parameters: askedWith(asked), body: undefined };
      const answer = await admitted(request, caller).handle(request, context);
      if (!isAudited) {
        const { status, patients } = answer;
        const touched = patients && { patients: patients.join(' ') };
        await trail.record(rowFor(told(request), caller, runtime.now(), { status, ...touched }));
      }
      return answer;
    } catch (error) {
      if (!isAudited && error instanceof Object) {
        const status = error instanceof Problem ? error.status : 500;
        trail.recorded.add(error);
        await trail.record(rowFor(told(request), caller, runtime.now(), { status, reason: reasonOf(error) }));
      }
      throw error;
    }
  };
  return dispatch;
}
