/** What can be measured: how an operation asks, how its answer is judged, and how its traces are read back. */
import type { Answer, Request } from './client.ts';
import type { World } from './world.ts';

export interface Asked {
  readonly request: Request;
  /** What is wrong with the answer, or undefined when status and content are right. */
  judge(answer: Answer, json: any): string | undefined;
}

/** One operation on one world. */
export interface Running {
  /** The next request of that worker; undefined when the supply has run dry. */
  next(worker: number, random: () => number): Asked | undefined;
  /** Reads back a sample of what was written; throws when it is not there. */
  verify?(): Promise<void>;
}

export interface Operation {
  readonly name: string;
  /** What is checked of every answer. */
  readonly checks: string;
  /** Resources carried by one request. */
  readonly units: number;
  /** Hardly warmed up, because each request uses something up. */
  readonly short?: true;
  begin(world: World, seconds: number): Promise<Running> | Running;
}

export const anyOf = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!;

/** Up to `count` members, spread evenly, the last one among them. */
export function sampleOf<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(list.length / count));
  const taken: T[] = [];
  for (let i = list.length - 1; i >= 0 && taken.length < count; i -= step) taken.push(list[i]!);
  return taken;
}

export const resourcesOf = (bundle: any, mode: 'match' | 'include'): any[] =>
  (bundle?.entry ?? []).filter((entry: any) => (entry.search?.mode ?? 'match') === mode).map((e: any) => e.resource);

export const differs = (status: number, answer: Answer): string | undefined =>
  answer.status === status ? undefined : `status ${answer.status} instead of ${status}`;
