/** Whether what is asked asks for a condition already, so that it need not be asked again. Says no where it cannot tell. */
import { laneStart, patientLaneName } from '../search/fast-lane.ts';
import { any, type Criterion, none } from '../search/query.ts';
import { isAmong, type Targets } from '../search/targets.ts';

/** Of chains, references that were looked up and lead to what they ask for. */
export type Told = ReadonlyMap<Criterion, Targets>;
const nothing: Told = new Map();

/** True only where every resource that fulfils `where` fulfils the condition. */
export function entails(where: Criterion, condition: Criterion, told = nothing): boolean {
  switch (condition.is) {
    case 'all':
      return condition.of.every((part) => entails(where, part, told));
    case 'any':
      if (condition.of.some((part) => entails(where, part, told))) return true;
      break;
    case 'refers': {
      const targets = told.get(condition);
      return targets !== undefined && entails(where, { is: 'points', name: condition.name, targets });
    }
    case 'reference':
    case 'points':
    case 'id':
    case 'key':
      break;
    default:
      return false;
  }
  switch (where.is) {
    case 'all':
      return where.of.some((part) => entails(part, condition, told));
    case 'any':
      return where.of.length > 0 && where.of.every((part) => entails(part, condition, told));
    case 'reference':
      return pointsWithin(condition, where.name, [where.target]);
    case 'points':
      return pointsWithin(condition, where.name, where.targets);
    case 'id':
      return condition.is === 'id' && areAllIn(where.ids, condition.ids);
    case 'key':
      return (
        condition.is === 'key' &&
        where.name === condition.name &&
        where.first === condition.first &&
        (condition.second === undefined || where.second === condition.second)
      );
    case 'range':
      // Intervals in the lanes of a patient are those of Observations about the patient.
      return (
        where.of !== undefined &&
        pointsWithin(condition, 'Observation.subject', [where.of]) &&
        (where.name === patientLaneName(where.of) || isCodeLane(where.name, where.of))
      );
    default:
      return false;
  }
}

const isCodeLane = (name: string, patient: string): boolean => name.startsWith(`${laneStart}${patient} `);

/** Whether it is a condition that all fulfil who point to these under the name. */
const pointsWithin = (condition: Criterion, name: string, targets: readonly string[]): boolean =>
  condition.is === 'reference'
    ? condition.name === name && targets.length > 0 && targets.every((target) => target === condition.target)
    : condition.is === 'points' &&
      condition.name === name &&
      targets.length > 0 &&
      areAllIn(targets, condition.targets);

const areAllIn = (some: readonly string[], all: readonly string[]): boolean => some.every((one) => isAmong(all, one));

/** The references under the name that it says, one of which whatever fulfils `where` has, or may have. */
export function pinnedBy(where: Criterion, name: string): readonly string[] {
  switch (where.is) {
    case 'all':
    case 'any':
      return where.of.flatMap((part) => pinnedBy(part, name));
    case 'reference':
      return where.name === name ? [where.target] : [];
    case 'range':
      return where.of !== undefined && name === 'Observation.subject' ? [where.of] : [];
    default:
      return [];
  }
}

/** What of the condition is left to ask where this is asked already; undefined: nothing. */
export function leftOf(where: Criterion, condition: Criterion, told = nothing): Criterion | undefined {
  if (entails(where, condition, told)) return undefined;
  if ((condition.is !== 'all' && condition.is !== 'any') || condition.of.length === 0) return condition;
  const left = condition.of.map((part) => leftOf(where, part, told));
  if (left.every((part, i) => part === condition.of[i])) return condition;
  // Of alternatives none is undefined: all would be asked already.
  const parts = left.filter((part) => part !== undefined);
  return condition.is === 'any' ? anyOf(parts) : parts.length === 1 ? parts[0] : { is: 'all', of: parts };
}

/** Any of these, without those that ask all that another asks, and more. */
export function anyOf(ways: readonly Criterion[]): Criterion {
  const asked = ways.map((way) => new Set((way.is === 'all' ? way.of : [way]).map((part) => JSON.stringify(part))));
  const isWider = (one: number, than: number) =>
    asked[one]!.isSubsetOf(asked[than]!) && (asked[one]!.size < asked[than]!.size || one < than);
  return any(ways.filter((_, i) => !ways.some((_, other) => other !== i && isWider(other, i))));
}

/** All of these, each once; undefined where nothing is asked, `none` where one of them cannot be. */
export function allOf(asked: readonly (Criterion | undefined)[]): Criterion | undefined {
  const parts = asked.filter((one) => one !== undefined);
  if (parts.some((one) => one.is === 'any' && one.of.length === 0)) return none;
  const flat = parts.flatMap((one) => (one.is === 'all' ? one.of : [one]));
  const distinct = [...new Map(flat.map((one) => [JSON.stringify(one), one])).values()];
  return distinct.length === 0 ? undefined : distinct.length === 1 ? distinct[0] : { is: 'all', of: distinct };
}
