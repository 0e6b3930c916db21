/** Whether a stored resource says what was sent: the promise "what came in comes back", as a comparison of texts. https://hl7.org/fhir/R4/http.html#create */
import { Buffer } from 'node:buffer';
import { readJson, setMember, textOf } from '../../src/fhir/json.ts';

const serversOwn = ['id', 'meta.versionId', 'meta.lastUpdated'];
const roomy = { depth: 1_000, nodes: 10_000_000, keys: 100_000, string: 100_000_000 };

/**
 * True when both texts are the same byte for byte, whitespace between tokens apart, but for what is the server's: `id`,
 * `meta.versionId`, `meta.lastUpdated` and the dotted paths in `own`. An empty `meta` counts as none.
 */
export function sameContent(sent: string, stored: string, own: readonly string[] = []): boolean {
  return clientsPart(sent, own) === clientsPart(stored, own);
}

function clientsPart(text: string, own: readonly string[]): string {
  let { text: part } = readJson(Buffer.from(text), roomy);
  for (const path of [...serversOwn, ...own].map((dotted) => dotted.split('.'))) {
    if (textOf(part, path) !== undefined) part = setMember(part, path, undefined);
  }
  return textOf(part, ['meta']) === '{}' ? setMember(part, ['meta'], undefined) : part;
}
