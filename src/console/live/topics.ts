/** What live events are about: the topics of capability/, and which of them a stored version is an event of. https://hl7.org/fhir/R5/subscriptiontopic.html */
import { readdirSync, readFileSync } from 'node:fs';
import { evalFhirPathTyped, parseFhirPath, toTypedValue } from '@medplum/core';
import type { Resource, ResourceKey } from '../../fhir/references.ts';
import { extract } from '../../search/extract.ts';
import { surelyMatches } from '../../search/match.ts';
import type { Criterion } from '../../search/query.ts';
import { parseCriteria } from '../../subscriptions/criteria.ts';

/** A version that was stored, as it and the one before it look from inside. */
export interface Happened {
  readonly key: ResourceKey;
  readonly lastUpdated: number;
  /** Undefined for a tombstone. */
  readonly after: Resource | undefined;
  /** Undefined where there was none, or a tombstone. */
  readonly before: Resource | undefined;
}

/** One way in which a topic comes about. */
export interface Trigger {
  readonly topic: string;
  readonly type: string;
  readonly interactions: ReadonlySet<'create' | 'update' | 'delete'>;
  /** What is asked of the new version and of the one before; undefined asks nothing. */
  readonly current: Criterion | undefined;
  readonly previous: Criterion | undefined;
  /** Compiled `fhirPathCriteria`. */
  readonly fulfils: ((before: Resource, after: Resource) => boolean) | undefined;
}

export interface Topics {
  /** Their names: the last part of each canonical. */
  readonly names: readonly string[];
  readonly typesOf: (topic: string) => readonly string[];
  watches(type: string): boolean;
  /** Whether it takes the version before to tell. */
  looksBack(type: string): boolean;
  /** The triggers that a version sets off, one of each topic at most. */
  of(happened: Happened): readonly Trigger[];
}

const folder = new URL('../../../capability/', import.meta.url);
const writtenCanonical = 'https://example.org/fhir';
const lastPart = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** Reads them, with canonical URLs under `canonical`. Throws a sentence for one that cannot be meant, so that no server starts with it. */
export function readTopics(canonical: string, base: string): Topics {
  const triggers = readdirSync(folder)
    .filter((name) => /^SubscriptionTopic-.*\.json$/.test(name))
    .sort()
    .map((name) => readFileSync(new URL(name, folder), 'utf8').replaceAll(`${writtenCanonical}/`, `${canonical}/`))
    .map((text): Resource => JSON.parse(text))
    .flatMap((topic) => topic.resourceTrigger.map((one: any) => triggerOf(lastPart(topic.url), one, base)));
  return topicsOf(triggers);
}

function triggerOf(topic: string, asked: any, base: string): Trigger {
  const type = lastPart(asked.resource);
  const { current, previous, requireBoth = false } = asked.queryCriteria ?? {};
  if (current !== undefined && previous !== undefined && !requireBoth)
    throw new Error(`the topic ${topic} asks either of two versions, which no topic of ours does`);
  const criterion = (query: string | undefined) =>
    query === undefined ? undefined : parseCriteria(`${type}?${query}`, base).where;
  return {
    topic,
    type,
    interactions: new Set(asked.supportedInteraction),
    current: criterion(current),
    previous: criterion(previous),
    fulfils: asked.fhirPathCriteria === undefined ? undefined : compiled(asked.fhirPathCriteria),
  };
}

function compiled(expression: string): NonNullable<Trigger['fulfils']> {
  const tree = parseFhirPath(expression);
  return (before, after) => {
    const [previous, current] = [toTypedValue(before), toTypedValue(after)];
    const [found] = evalFhirPathTyped(tree, [current], { '%current': current, '%previous': previous });
    return found?.value === true;
  };
}

function topicsOf(triggers: readonly Trigger[]): Topics {
  const byType = Map.groupBy(triggers, ({ type }) => type);
  const back = new Set(
    triggers.filter(({ previous, fulfils }) => previous !== undefined || fulfils).map(({ type }) => type),
  );
  return {
    names: [...new Set(triggers.map(({ topic }) => topic))],
    typesOf: (topic) => [...new Set(triggers.filter((one) => one.topic === topic).map(({ type }) => type))],
    watches: (type) => byType.has(type),
    looksBack: (type) => back.has(type),
    of(happened) {
      const { key, before, after } = happened;
      const interaction = after === undefined ? 'delete' : before === undefined ? 'create' : 'update';
      const found = new Map<string, Trigger>();
      for (const trigger of byType.get(key.type) ?? []) {
        if (!found.has(trigger.topic) && trigger.interactions.has(interaction) && sets(trigger, happened))
          found.set(trigger.topic, trigger);
      }
      return [...found.values()];
    },
  };
}

function sets({ current, previous, fulfils }: Trigger, { key, lastUpdated, before, after }: Happened): boolean {
  const holds = (criterion: Criterion | undefined, resource: Resource | undefined) =>
    criterion === undefined || resource === undefined || surelyMatches(criterion, extract(resource), key, lastUpdated);
  if (!holds(current, after) || !holds(previous, before)) return false;
  // What is asked of a change is asked of nothing else.
  return fulfils === undefined || before === undefined || after === undefined || fulfils(before, after);
}
