/** $why: which rule lets a caller in to a resource or keeps it out, for the administrator. capability/access/README.md */
import { problem } from '../fhir/outcome.ts';
import { isId, keyOf } from '../fhir/references.ts';
import { placeOf } from '../search/refusals.ts';
import type { Explained, Reason, Why } from '../smart/policies/why.ts';
import { namedOnce, type Operation } from './operation.ts';
import { code, type Part, parametersText, parts, text } from './parameters.ts';

const flag = (name: string, valueBoolean: boolean): Part => ({ name, valueBoolean });

export const why = (explain: Why): Operation => ({
  code: 'why',
  levels: ['system'],
  types: [],
  right: 'operation',
  changes: false,
  async handle({ parameters, base }) {
    const asked = namedOnce(parameters, ['reference', 'who', 'roles', 'scope', 'patient', 'purposeOfUse']);
    const reference = demanded('reference', asked).replace(`${base}/`, '');
    const who = demanded('who', asked).replace(`${base}/`, '');
    const key = keyOf(reference);
    if (!key || reference !== `${key.type}/${key.id}`) throw malformed('reference', 'must be such as Observation/1');
    if (!/^[A-Z][A-Za-z]+\/\S{1,200}$/.test(who))
      throw malformed('who', 'must be such as Practitioner/7 or Client/app');
    if (asked.patient !== undefined && !isId(asked.patient)) throw malformed('patient', 'must be the id of a Patient');
    const { isThere, roles, rights } = await explain({
      key,
      who,
      ...(asked.roles !== undefined && { roles: asked.roles.split(',') }),
      scope: asked.scope,
      patient: asked.patient,
      purposeOfUse: asked.purposeOfUse,
    });
    const told = [flag('stored', isThere), ...roles.map((role) => code('role', role)), ...rights.map(rightPart)];
    return { status: 200, text: parametersText(told) };
  },
});

const words = { c: 'create', r: 'read', u: 'update', d: 'delete', s: 'search' } as const;

const rightPart = ({ right, isOpen, reasons }: Explained): Part =>
  parts('right', [code('right', words[right]), flag('granted', isOpen), ...reasons.map(reasonPart)]);

const reasonPart = ({ by, says, isOpen, consents = [] }: Reason): Part =>
  parts('reason', [
    text('by', by),
    ...(says === undefined ? [] : [text('says', says)]),
    flag('opens', isOpen),
    ...consents.map((reference) => ({ name: 'consent', valueReference: { reference } })),
  ]);

function demanded(name: string, asked: Readonly<Record<string, string>>): string {
  const value = asked[name];
  if (value === undefined) throw problem('required', `$why needs ${name}`, { expression: placeOf(name) });
  return value;
}

const malformed = (name: string, told: string) => problem('value', `${name} ${told}`, { expression: placeOf(name) });
