/** Whether what is asked asks for a condition already, so that it need not be asked again. Says no where it cannot tell. */
import { laneStart, patientLaneName } from '../search/fast-lane.ts';
import type { Criterion } from '../search/query.ts';

/** True only where every resource that fulfils `where` fulfils the condition. */
export function entails(where: Criterion, condition: Criterion): boolean {
  switch (condition.is) {
    case 'all':
      return condition.of.every((part) => entails(where, part));
    case 'any':
      if (condition.of.some((part) => entails(where, part))) return true;
      break;
    case 'reference':
    case 'id':
    case 'key':
      break;
    default:
      return false;
  }
  switch (where.is) {
    case 'all':
      return where.of.some((part) => entails(part, condition));
    case 'any':
      return where.of.length > 0 && where.of.every((part) => entails(part, condition));
    case 'reference':
      return condition.is === 'reference' && where.name === condition.name && where.target === condition.target;
    case 'id':
      return condition.is === 'id' && where.ids.every((id) => condition.ids.includes(id));
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
        condition.is === 'reference' &&
        condition.name === 'Observation.subject' &&
        where.of === condition.target &&
        (where.name === patientLaneName(condition.target) || isCodeLane(where.name, condition.target))
      );
    default:
      return false;
  }
}

const isCodeLane = (name: string, patient: string): boolean => name.startsWith(`${laneStart}${patient} `);
