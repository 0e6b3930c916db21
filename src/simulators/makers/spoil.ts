/** Which answer a fault of the wire spoils, and how a body is spoiled on its way out. domain.md 2.11 */
import type { ServerResponse } from 'node:http';
import { drawn } from '../chance.ts';
import { type Fault, type FaultName, faultNames, faults, type Switches } from './faults.ts';

const wireFaults = faultNames.filter((name) => faults[name].kind === 'wire');

export interface Asked {
  readonly isResource: boolean;
  readonly isAcknowledgement: boolean;
  /** The page after a first one. */
  readonly isFollowing: boolean;
  /** Faults of the header X-Sim-Fault: they happen to this request whatever their turn. */
  readonly forced: ReadonlySet<FaultName>;
}

export interface Spoiling {
  /** The faults that happen to this request. */
  of(asked: Asked, now: number): ReadonlySet<FaultName>;
}

/** Requests are counted per fault, so that one in so many is spoiled and the repeats of it are not. */
export function createSpoiling(switches: Switches): Spoiling {
  const counts = new Map<FaultName, number>();
  const isMeant = (name: FaultName, { isResource, isAcknowledgement, isFollowing }: Asked) => {
    if (name === 'acknowledgement-lost') return isAcknowledgement;
    if (name === 'expired-mid-page' || name === 'cursor-expired') return isFollowing;
    return isResource || name.startsWith('clock');
  };
  return {
    of(asked, now) {
      const happening = new Set(asked.forced);
      for (const name of wireFaults) {
        const one = switches.at(name, now);
        if (!one || !isMeant(name, asked)) continue;
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        if (count % one.every < ((faults[name] as Fault).times ?? 1)) happening.add(name);
      }
      return happening;
    },
  };
}

/** The same rows in another order, always the same one. */
export function shuffled<T>(rows: readonly T[], seed: number): readonly T[] {
  return rows
    .map((row, at) => ({ row, key: drawn(seed, 'order', rows.length, at) }))
    .sort((a, b) => a.key - b.key)
    .map(({ row }) => row);
}

const page = '<!doctype html><title>Signed out</title><p>Please sign in again.</p>';

/** Sends the body, or what a fault makes of it. `body` is not changed. `answer` has its status and headers, but for the length and type. */
export function sendSpoiled(
  answer: ServerResponse,
  body: string | Buffer,
  contentType: string,
  happening: ReadonlySet<FaultName>,
): void {
  const bytes = Buffer.from(body as string);
  answer.setHeader('Content-Type', contentType);
  if (happening.has('reset')) {
    answer.setHeader('Content-Length', bytes.length);
    answer.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => answer.socket?.resetAndDestroy());
  } else if (happening.has('slow-body')) {
    answer.setHeader('Content-Length', bytes.length);
    let sent = 0;
    const drip = () => {
      answer.write(bytes.subarray(sent, ++sent));
      if (sent < bytes.length) return;
      clearInterval(timer);
      answer.end();
    };
    const timer = setInterval(drip, 1_000);
    answer.once('close', () => clearInterval(timer));
    drip();
  } else if (happening.has('truncated-json')) answer.end(bytes.subarray(0, Math.floor(bytes.length / 2)));
  else if (happening.has('html-page')) {
    answer.setHeader('Content-Type', 'text/html; charset=utf-8');
    answer.end(page);
  } else {
    if (happening.has('wrong-content-type')) answer.setHeader('Content-Type', 'text/plain');
    answer.end(happening.has('byte-order-mark') ? Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]) : bytes);
  }
}
