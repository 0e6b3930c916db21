/** Numbers that rise with time and that no two servers give: the order of listings and of the audit log, without a counter that all would wait for. */
import { problem } from '../../fhir/outcome.ts';

/** Ms since 1970 at which the numbers begin; with 13 bits below the millisecond they stay whole numbers until the year 2060. */
const BEGIN = Date.UTC(2026, 0, 1);
const PER_MS = 64;
/** Servers told apart. */
export const SERVERS = 128;

export interface Stamps {
  /** The next number; rises with every call, whatever the clock does. Throws a problem while no number is surely this server's. */
  next(): number;
}

/** `server` is a number below `SERVERS` that no other living server has; `now` the store's clock in ms. */
export function createStamps(server: number, now: () => number): Stamps {
  let last = 0;
  return {
    next() {
      const begun = Math.max(0, now() - BEGIN) * PER_MS;
      last = Math.max(begun, last + 1);
      return last * SERVERS + server;
    },
  };
}

/** Stamps of whatever number the server has. While another may have it nothing is stamped: the same number would stand for two things. */
export function stampsOf(
  server: { readonly number: () => number; readonly isSure: () => boolean },
  now: () => number,
): Stamps {
  let number = server.number();
  let stamps = createStamps(number, now);
  return {
    next() {
      if (!server.isSure()) throw unsure();
      if (server.number() !== number) {
        number = server.number();
        stamps = createStamps(number, now);
      }
      return stamps.next();
    },
  };
}

const unsure = () =>
  problem(
    'transient',
    'This server has not reached the database for long and stores nothing before it does; try again',
    {
      headers: { 'Retry-After': '5' },
    },
  );
