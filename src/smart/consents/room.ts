/** What patients permit and deny, for each caller: looked up whenever rights are, and at once where a Consent is written here. docs/consents.md */
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import type { Criterion } from '../../search/query.ts';
import { type Targets, targetsOf } from '../../search/targets.ts';
import type { Store } from '../../store/store.ts';
import { once } from '../policies/once.ts';
import type { Consents } from '../policies/parts.ts';
import type { Right } from '../scopes/criterion.ts';
import { type Asker, callerOf } from './caller.ts';
import { has, type Left, leftOf } from './left.ts';
import { type ConsentMode, isOfPatients, type Narrowing, narrowed, type Shape } from './narrowing.ts';
import { createRegister, newsOf } from './register.ts';

export interface ConsentRoomParts {
  readonly store: Pick<Store, 'read' | 'search' | 'get' | 'list'>;
  /** Absolute URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly mode: ConsentMode;
}

export interface ConsentRoom extends Consents {
  /** The store for everybody who writes: other servers hear of its Consents, and `onChange` is called once they are stored. */
  watch<S extends Store>(store: S, onChange: () => void): S;
}

/** More different rules than these for one caller are refused: every query would carry them. */
const MOST_SHAPES = 1_000;

type Leaves = (type: string, right: Right) => Criterion | undefined;

export function createConsents({ store, base, runtime, mode }: ConsentRoomParts): ConsentRoom {
  const register = createRegister(store, base, runtime, (rule) => mode === 'opt-in' || has('deny', rule));
  const asked = new Map<string, Promise<Leaves>>();

  async function looked(asker: Asker): Promise<Leaves> {
    await register.renew();
    const groups = [...register.groups()];
    if (groups.length === 0 && mode === 'deny-list') return () => undefined;
    const withTeams = groups.some(({ name }) => name.includes('"CareTeam/'));
    const caller = await callerOf(asker, store, base, withTeams);
    const shapes = new Map<string, { readonly left: Left; readonly lists: Targets[] }>();
    for (const { rule, patients } of groups) {
      const left = leftOf(rule, caller, runtime.now());
      if (left === undefined || !(mode === 'opt-in' || has('deny', left))) continue;
      const name = JSON.stringify(left);
      const shape = shapes.get(name);
      if (shape) shape.lists.push(patients());
      else shapes.set(name, { left, lists: [patients()] });
      if (shapes.size > MOST_SHAPES) throw tooMany();
    }
    const narrowing: Narrowing = {
      mode,
      shapes: [...shapes.values()].map(
        ({ left, lists }): Shape => ({ left, patients: lists.length === 1 ? lists[0]! : targetsOf(lists.flat()) }),
      ),
      ...selfOf(asker.who),
    };
    const left = once((type: string, right: Right) => narrowed(narrowing, type, right));
    return (type, right) => left(type, sameAs(right));
  }

  return {
    async narrow(grant, type, right) {
      if (grant.roles.includes('administrator') || !isOfPatients(type)) return undefined;
      const { who, client, purposeOfUse } = grant;
      const name = JSON.stringify([who, client, purposeOfUse]);
      let left = asked.get(name);
      if (left === undefined) {
        left = looked({ who, client, ...(purposeOfUse !== undefined && { purposeOfUse }) });
        asked.set(name, left);
        // For all that is asked in this moment: what is made of it is remembered where it is made.
        queueMicrotask(() => asked.delete(name));
      }
      return (await left)(type, right);
    },
    async narrowing({ roles, who, client, purposeOfUse }, type, right, patients) {
      if (roles.includes('administrator')) return [];
      await register.renew();
      const caller = await callerOf({ who, client, purposeOfUse }, store, base, true);
      const self = selfOf(who);
      return register.of(patients).flatMap(({ id, patient, rule }) => {
        const left = leftOf(rule, caller, runtime.now());
        if (left === undefined) return [];
        // By itself it takes what it denies, in either mode.
        const shapes = [{ left, patients: targetsOf([patient]) }];
        const leaves = narrowed({ mode: 'deny-list', shapes, ...self }, type, sameAs(right));
        return leaves === undefined ? [] : [{ consent: `Consent/${id}`, leaves }];
      });
    },
    watch: (engine, onChange) => ({
      ...engine,
      async commit(changes) {
        const news = newsOf(changes);
        if (news === undefined) return engine.commit(changes);
        try {
          return await engine.commit([...changes, ...news]);
        } finally {
          // Also where nobody can tell whether it was stored.
          onChange();
        }
      },
    }),
  };
}

const selfOf = (who: string) => keyOf(who)?.type === 'Patient' && { self: who };

const tooMany = () =>
  problem(
    'too-costly',
    `more than ${MOST_SHAPES} different Consents are about this caller: nothing is answered by guess`,
    {
      status: 403,
    },
  );

/** Writing by its own right; reading and searching are one. */
const sameAs = (right: Right): Right => (right === 's' ? 'r' : right === 'd' ? 'u' : right);
