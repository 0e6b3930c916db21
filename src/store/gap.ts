/** Fills the gap of a GappedText with what the engine alone knows: meta.versionId and meta.lastUpdated. https://hl7.org/fhir/R4/resource.html#Meta */
import type { GappedText } from './store.ts';

/** The whole text of a version. */
export const fillGap = ([before, after]: GappedText, versionId: number, lastUpdated: number): string =>
  `${before}"versionId":"${versionId}","lastUpdated":"${new Date(lastUpdated).toISOString()}"${after}`;
