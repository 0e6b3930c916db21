/** Subscription/[id]/$secret: sets or renews what the notifications of a Subscription are signed with. capability/OperationDefinition-Subscription-secret.json */
import { referenceTo } from '../fhir/references.ts';
import { notFound } from '../interactions/answer.ts';
import { settle } from '../interactions/settle.ts';
import { demandWritable } from '../interactions/write.ts';
import type { Runtime } from '../runtime.ts';
import { isAbsent } from '../store/store.ts';
import { namedOnce, type Operation } from './operation.ts';
import { parametersText, text } from './parameters.ts';
import { secretChange } from './signing-secret.ts';

export const secret = (runtime: Pick<Runtime, 'now' | 'random'>): Operation => ({
  code: 'secret',
  levels: ['instance'],
  types: ['Subscription'],
  right: 'update',
  changes: true,
  untold: ['secret'],
  async handle({ id, parameters }, { store, caller, commit }) {
    const asked = namedOnce(parameters, ['secret']);
    const key = { type: 'Subscription', id };
    return settle(runtime, async () => {
      const [version] = await store.read([key]);
      if (version === undefined || isAbsent(version)) throw notFound(key);
      await demandWritable(caller, key, version, JSON.parse(version.text));
      const made = await secretChange({ store, runtime, id, ...asked });
      // The secret of one that is deleted meanwhile would be that of the next with its id.
      const expectation = { op: 'expect', of: key, at: version.versionId } as const;
      const target = `${referenceTo(key)} $secret`;
      await commit([expectation, made.change], { status: 200, target, patients: '' });
      return { status: 200, text: parametersText([text('secret', made.secret)]) };
    });
  },
});
