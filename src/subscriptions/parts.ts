/** What the work on Subscriptions is given by server.ts. */
import type { Access } from '../interactions/interaction.ts';
import type { Log } from '../log.ts';
import type { KeptOwner } from './kept.ts';
import type { StatusParts } from './status.ts';

/** Counts up and, `waiting`, up and down; read by metrics. */
export interface Counters {
  delivered: number;
  failed: number;
  waiting: number;
}

export interface SubscriptionParts extends StatusParts {
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** What somebody may see now: asked when an event is matched and again when it is sent. */
  readonly accessOf: (owner: KeptOwner) => Access | Promise<Access>;
  readonly counters: Counters;
}
