/** Which events wait for their receivers, and how many: those of a Subscription wait from the first that is not settled to the last. */
import type { Store } from '../store/store.ts';
import { deliveryKey, type KeptCounter, kinds, readDeliveryKey } from './kept.ts';
import type { Counters } from './parts.ts';

/** Numbers of events of one Subscription, both inclusive. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export interface Waiting {
  /** These wait, or have been settled meanwhile; may be told more than once and in any order. */
  add(id: string, span: Span): void;
  /** The receiver has this one, though the store may learn of it later. */
  settle(key: string): void;
  /** Where the rows of a Subscription begin that are not settled. */
  from(id: string): string;
  /** The newest that is known of; 0 where none is. */
  last(id: string): number;
  /** The store has no row up to this one: who had the Subscription before has settled them. */
  none(id: string, last: number): void;
  /** Adds all that wait in the store; resolves to their Subscriptions. */
  scan(): Promise<ReadonlySet<string>>;
  /** Counts none of them any more. */
  leave(): void;
}

const rowsAtATime = 1_000;

interface Reach {
  /** Up to here they have been settled, here or before. */
  done: number;
  /** Of these, the last that was settled here: rows up to it may still be in the store. */
  settled: number;
  last: number;
}

export function createWaiting(
  store: Pick<Store, 'list' | 'get'>,
  counters: Pick<Counters, 'waiting'>,
  isMine: (id: string) => boolean,
): Waiting {
  const reaches = new Map<string, Reach>();

  function add(id: string, { first, last }: Span): Reach {
    let reach = reaches.get(id);
    if (reach === undefined) reaches.set(id, (reach = { done: first - 1, settled: 0, last: first - 1 }));
    const done = Math.max(reach.settled, Math.min(reach.done, first - 1));
    const reached = Math.max(reach.last, last);
    counters.waiting += reached - reach.last + (reach.done - done);
    reach.done = done;
    reach.last = reached;
    return reach;
  }

  return {
    add,
    settle(key) {
      const { id, eventNumber } = readDeliveryKey(key);
      // A row may be seen in the store before anybody tells of it.
      const reach = add(id, { first: eventNumber, last: eventNumber });
      counters.waiting -= eventNumber - reach.done;
      reach.done = eventNumber;
      reach.settled = eventNumber;
    },
    from(id) {
      const settled = reaches.get(id)?.settled ?? 0;
      return settled > 0 ? `${deliveryKey(id, settled)} ` : `${id}|`;
    },
    last: (id) => reaches.get(id)?.last ?? 0,
    none(id, last) {
      const reach = reaches.get(id);
      if (reach === undefined || last <= reach.done) return;
      counters.waiting -= last - reach.done;
      reach.done = last;
    },
    async scan() {
      const ids = new Set<string>();
      for (let from = ''; ; ) {
        const rows = await store.list(kinds.delivery, from, rowsAtATime);
        for (const { key } of rows) {
          const { id, eventNumber } = readDeliveryKey(key);
          if (!isMine(id)) continue;
          ids.add(id);
          add(id, { first: eventNumber, last: eventNumber });
        }
        const end = rows[rows.length - 1];
        if (end === undefined || rows.length < rowsAtATime) return ids;
        // The rest of a long queue is known by the number of its newest event.
        const { id, eventNumber } = readDeliveryKey(end.key);
        const [counter] = await store.get(kinds.counter, [id]);
        const last = (counter?.value as KeptCounter | undefined)?.last ?? eventNumber;
        if (isMine(id)) add(id, { first: eventNumber, last: Math.max(eventNumber, last) });
        from = `${deliveryKey(id, Math.max(eventNumber, last))} `;
      }
    },
    leave() {
      for (const { done, last } of reaches.values()) counters.waiting -= last - done;
      reaches.clear();
    },
  };
}
