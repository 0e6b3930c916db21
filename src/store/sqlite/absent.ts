/** What nothing stored has need not be denied of each row: labels, mostly. */
import type { Criterion } from '../../search/query.ts';
import { equality } from './compile.ts';
import type { Connection } from './connection.ts';

/** Whether every resource fulfils the part, as none has what it denies. Says no where it would take long to tell. */
export const holdsForAll = (part: Criterion, connection: Connection): boolean =>
  part.is === 'not' && isNowhere(part.of, connection);

function isNowhere(criterion: Criterion, connection: Connection): boolean {
  if (criterion.is === 'any')
    return criterion.of.length <= MOST && criterion.of.every((part) => isNowhere(part, connection));
  if (criterion.is !== 'key') return false;
  const equal = equality(criterion, connection.hashing);
  if (equal === undefined) return false;
  return connection.sql('SELECT 1 FROM entry WHERE hash = ? AND sort = ? LIMIT 1').get(...equal) === undefined;
}

const MOST = 20;
