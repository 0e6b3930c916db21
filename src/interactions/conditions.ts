/** Conditional requests, from the texts in headers or in Bundle.entry.request to what they ask. https://hl7.org/fhir/R4/http.html#concurrency */
import { problem } from '../fhir/outcome.ts';
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import { isAbsent, type Version } from '../store/store.ts';
import type { Conditions } from './interaction.ts';

/** The four texts as they came; undefined where none was sent. */
export type ConditionTexts = Readonly<
  Partial<Record<'ifMatch' | 'ifNoneMatch' | 'ifModifiedSince' | 'ifNoneExist', string | undefined>>
>;

const none: Conditions = {};

/** `W/"3"` or `"3"` as 3. https://hl7.org/fhir/R4/http.html#versioning */
function versionIn(etag: string, name: string): number {
  const parts = /^(?:W\/)?"(\d{1,15})"$/.exec(etag.trim());
  if (!parts) throw problem('invalid', `${name} must be one ETag such as W/"1"`);
  return Number(parts[1]);
}

function instantIn(text: string, name: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw problem('invalid', `${name} must be a date with its time`);
  return at;
}

function criterionIn(text: string, name: string): string {
  if (text.replace('?', '').trim() === '') throw problem('invalid', `${name} must name a criterion`);
  return text;
}

/**
 * `nameOf` says how the client wrote a condition, for messages. `If-Match: *`, several ETags and an empty If-None-Exist are
 * refused: none may come to mean "any".
 */
export function conditionsFrom(texts: ConditionTexts, nameOf: (condition: keyof ConditionTexts) => string): Conditions {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifNoneExist } = texts;
  if ([ifMatch, ifNoneMatch, ifModifiedSince, ifNoneExist].every((text) => text === undefined)) return none;
  return {
    ifMatch: ifMatch === undefined ? undefined : versionIn(ifMatch, nameOf('ifMatch')),
    ifNoneMatch:
      ifNoneMatch === undefined
        ? undefined
        : ifNoneMatch.trim() === '*'
          ? '*'
          : versionIn(ifNoneMatch, nameOf('ifNoneMatch')),
    ifModifiedSince: ifModifiedSince === undefined ? undefined : instantIn(ifModifiedSince, nameOf('ifModifiedSince')),
    ifNoneExist: ifNoneExist === undefined ? undefined : criterionIn(ifNoneExist, nameOf('ifNoneExist')),
  };
}

/** Refuses a change with 412 when If-Match names another version than the newest, or when there must be none and is one. */
export function demandConditions(
  { ifMatch, ifNoneMatch }: Conditions,
  key: ResourceKey,
  before: Version | undefined,
): void {
  const newest = isAbsent(before) ? undefined : before!.versionId;
  if (ifMatch !== undefined && ifMatch !== newest) {
    // Which one is newest is for those who may read it.
    throw problem('conflict', `${referenceTo(key)}: version ${ifMatch} of If-Match is not the newest`, { status: 412 });
  }
  if (ifNoneMatch === '*' && newest !== undefined) {
    throw problem('conflict', `${referenceTo(key)} exists already`, { status: 412 });
  }
}
