/** Which datatypes the values of a search parameter have, as far as its expression tells. https://hl7.org/fhir/R4/datatypes.html */
import { placesOf } from './expression.ts';
import type { Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';

const known = new WeakMap<Parameter, ReadonlySet<string>>();

/** The datatypes; empty where only an evaluation can tell. A parameter that shares its entries has those of their owner. */
export function valueTypes(type: string, parameter: Parameter): ReadonlySet<string> {
  let types = known.get(parameter);
  if (types === undefined) {
    types = new Set(
      branchesOf(type, parameter).flatMap(
        (branch) => placesOf(branch, type)?.map((at) => at.type) ?? (isCondition(branch) ? ['boolean'] : []),
      ),
    );
    known.set(parameter, types);
  }
  return types;
}

/** Whether an expression says yes or no as a whole: `Patient.deceased.exists() and Patient.deceased != false`. */
function isCondition(branch: string): boolean {
  let outermost = branch;
  while (/\([^()]*\)/.test(outermost)) outermost = outermost.replace(/\([^()]*\)/g, '');
  return /\s(?:and|or|xor|implies)\s|[=<>~]|\.(?:exists|empty|not)$/.test(outermost);
}

function branchesOf(type: string, { name, branches }: Parameter): readonly string[] {
  if (branches.length > 0) return branches;
  const owner = [...parametersOf(type).values()].find((one) => one.name === name && one.branches.length > 0);
  return owner?.branches ?? [];
}
