/**
 * An absolute reference below this server's base means the resource of this server that a relative one means. Whoever looks
 * inside a resource sees it as relative; the stored text stays as it was sent. https://hl7.org/fhir/R4/references.html#literal
 */
import type { Resource } from './references.ts';

/** The text with its own absolute references made relative. Takes compact text. */
export type RelativeText = (text: string) => string;

const reference = /"reference":"((?:[^"\\]|\\.)*)"/g;

/** `base` is the FHIR base without a trailing slash. Costs one search for fixed words where there is nothing to do. */
export function relativeTo(base: string): RelativeText {
  const own = `"reference":"${base}/`;
  return (text) => {
    const plain = text.includes('\\/')
      ? text.replace(reference, (_all, link: string) => `"reference":"${link.replaceAll('\\/', '/')}"`)
      : text;
    return plain.includes(own) ? plain.replaceAll(own, '"reference":"') : plain;
  };
}

/** The parsed form of the same; the resource itself where nothing changes. */
export function relativeResource(
  relative: RelativeText,
  { text, resource }: { text: string; resource: Resource },
): Resource {
  const seen = relative(text);
  return seen === text ? resource : (JSON.parse(seen) as Resource);
}
