/** What waits to be sent, in the order in which it is: the more urgent first, then what has waited longer; few at a time to one address. docs/escalation.md#delivery */
import type { Message } from './channel.ts';

export interface Waiting {
  /** Of what is kept of it. */
  readonly key: string;
  readonly address: string;
  readonly priority: Message['priority'];
  /** When it may be sent, in milliseconds. */
  readonly at: number;
}

export interface Queue {
  /** Passes over one that is known already. */
  add(one: Waiting): void;
  /** The next one that may be sent: under way until it is said to be done. */
  next(now: number): Waiting | undefined;
  /** Sent, or given up; one that is to be tried again is added anew. */
  done(one: Waiting): void;
  /** When the first of those that are not due yet will be, as of the last look for the next one. */
  dueAt(): number;
}

/** https://hl7.org/fhir/R4/valueset-request-priority.html */
const ranks: Readonly<Record<Message['priority'], number>> = { stat: 0, asap: 1, urgent: 2, routine: 3 };

export const isAtLeast = (a: Message['priority'], b: Message['priority']): boolean => ranks[a] <= ranks[b];

const isBefore = (a: Waiting, b: Waiting): boolean =>
  a.priority === b.priority ? isEarlier(a, b) : ranks[a.priority] < ranks[b.priority];
const isEarlier = (a: Waiting, b: Waiting): boolean => (a.at === b.at ? a.key < b.key : a.at < b.at);

export function createQueue(abreastToOne: number): Queue {
  const known = new Set<string>();
  const later = createHeap(isEarlier);
  const due = createHeap(isBefore);
  /** Due too, but their addresses have as many under way as they take. */
  const heldUp = new Map<string, Heap>();
  const underWay = new Map<string, number>();

  return {
    add(one) {
      if (known.has(one.key)) return;
      known.add(one.key);
      later.push(one);
    },
    next(now) {
      for (let one = later.first(); one && one.at <= now; one = later.first()) due.push(later.pop()!);
      for (let one = due.pop(); one; one = due.pop()) {
        const { address } = one;
        const busy = underWay.get(address) ?? 0;
        if (busy < abreastToOne) {
          underWay.set(address, busy + 1);
          return one;
        }
        if (!heldUp.has(address)) heldUp.set(address, createHeap(isBefore));
        heldUp.get(address)!.push(one);
      }
      return undefined;
    },
    done({ key, address }) {
      known.delete(key);
      const busy = underWay.get(address)! - 1;
      if (busy === 0) underWay.delete(address);
      else underWay.set(address, busy);
      const held = heldUp.get(address);
      const first = held?.pop();
      if (first) due.push(first);
      if (!held?.first()) heldUp.delete(address);
    },
    dueAt: () => later.first()?.at ?? Number.POSITIVE_INFINITY,
  };
}

interface Heap {
  push(one: Waiting): void;
  first(): Waiting | undefined;
  pop(): Waiting | undefined;
}

function createHeap(comesFirst: (a: Waiting, b: Waiting) => boolean): Heap {
  const all: Waiting[] = [];
  const swap = (a: number, b: number) => ([all[a], all[b]] = [all[b]!, all[a]!]);
  const goesBefore = (a: number, b: number) => b < all.length && comesFirst(all[b]!, all[a]!);
  return {
    push(one) {
      let at = all.push(one) - 1;
      for (let above = (at - 1) >> 1; at > 0 && comesFirst(all[at]!, all[above]!); above = (at - 1) >> 1) {
        swap(at, above);
        at = above;
      }
    },
    first: () => all[0],
    pop() {
      if (all.length > 1) swap(0, all.length - 1);
      const one = all.pop();
      for (let at = 0; ; ) {
        const left = 2 * at + 1;
        const below = goesBefore(left, left + 1) ? left + 1 : left;
        if (!goesBefore(at, below)) return one;
        swap(at, below);
        at = below;
      }
    },
  };
}
