/** Holds what a list expects against the state of its transaction, as the lists before it in the group leave it. */
import { refused } from '../refusals.ts';
import { expectNext } from './apply-restore.ts';
import type { Fence, List, QueryStep } from './group-list.ts';
import type { Ledger } from './ledger.ts';
import type { KeptDocument } from './schema.ts';

/** Finds the keys of up to `count` matches in the transaction. */
export type Look = (step: QueryStep) => Promise<readonly string[]>;

/**
 * Throws conflict when one does not hold. What held is noted in the ledger as relied on, so that another transaction that makes
 * it untrue meanwhile writes a document that this one writes too.
 */
export async function expectAll(ledger: Ledger, list: List, look: Look): Promise<void> {
  const resources = new Set<string>();
  const kept = new Set<string>();
  const guards = new Set<string>();
  const atRevision = (kind: string, id: string, at: number | 'absent' | 'any') => {
    if (at === 'any') return;
    expectRevision(ledger, kind, id, at);
    kept.add(id);
  };
  const underFence = (fence: Fence | undefined) => {
    if (!fence) return;
    expectEpoch(ledger, fence);
    kept.add(fence.id);
  };
  for (const step of list.steps) {
    switch (step.op) {
      case 'write':
        if (step.expect !== 'any') expectVersion(ledger, step.reference, step.expect);
        break;
      case 'expect-resource':
        expectVersion(ledger, step.reference, step.at);
        resources.add(step.reference);
        break;
      case 'expect-kept':
        atRevision(step.kind, step.id, step.at);
        break;
      case 'put':
      case 'drop':
        atRevision(step.kind, step.id, step.expect);
        underFence(step.fence);
        break;
      case 'expect-query':
        expectMatches(step, await look(step));
        for (const reference of step.matches) resources.add(reference);
        for (const guard of step.guards) guards.add(guard);
    }
  }
  expectNext(ledger, list);
  for (const reference of resources) ledger.reliedOn.add(reference);
  for (const id of kept) ledger.keptReliedOn.add(id);
  for (const guard of guards) ledger.guards.add(guard);
}

function expectVersion({ resources }: Ledger, reference: string, expected: number | 'absent'): void {
  const state = resources.get(reference);
  const newest = state && state.m !== 'DELETE' ? state.v : 'absent';
  if (newest === expected) return;
  if (expected === 'absent') throw refused.isThere(reference);
  throw refused.movedOn(reference, expected);
}

/** What has expired is not there, though the store has not forgotten it yet. */
function keptAt({ kept, now }: Ledger, id: string): KeptDocument | undefined {
  const state = kept.get(id);
  return state && (!state.expires || state.expires.getTime() > now) ? state : undefined;
}

function expectRevision(ledger: Ledger, kind: string, id: string, expected: number | 'absent'): void {
  const revision = keptAt(ledger, id)?.revision ?? 'absent';
  if (revision !== expected) throw refused.keptChanged(kind);
}

/** Leases are kept values of the kind `lease` with an `epoch`. */
function expectEpoch(ledger: Ledger, { key, id, epoch }: Fence): void {
  const lease = keptAt(ledger, id);
  const newest = lease ? JSON.parse(lease.value).epoch : undefined;
  if (typeof newest === 'number' && newest > epoch) throw refused.leaseLost(key);
}

function expectMatches({ query, matches }: QueryStep, found: readonly string[]): void {
  const expected = new Set(matches);
  if (found.length !== expected.size || !found.every((reference) => expected.has(reference))) {
    throw refused.othersMatch(query.type);
  }
}
