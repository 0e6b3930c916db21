/** Bundles as text: stored resources are set in as they are, nothing is parsed or serialised again. https://hl7.org/fhir/R4/bundle.html */

export interface Link {
  readonly relation: 'self' | 'next' | 'previous';
  readonly url: string;
}

/** Members of one entry, each already JSON text; those left out are not written. */
export interface BundleEntry {
  readonly fullUrl?: string;
  /** JSON text of a resource. */
  readonly resource?: string;
  /** search.mode of a searchset. */
  readonly mode?: 'match' | 'include' | 'outcome';
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: {
    readonly status: string;
    readonly location?: string;
    readonly etag?: string;
    /** Milliseconds since 1970. */
    readonly lastModified?: number;
    /** JSON text of an OperationOutcome. */
    readonly outcome?: string;
  };
}

export type BundleType = 'searchset' | 'history' | 'batch-response' | 'transaction-response';

const responseText = ({
  status,
  location,
  etag,
  lastModified,
  outcome,
}: NonNullable<BundleEntry['response']>): string =>
  `{"status":${JSON.stringify(status)}` +
  (location === undefined ? '' : `,"location":${JSON.stringify(location)}`) +
  (etag === undefined ? '' : `,"etag":${JSON.stringify(etag)}`) +
  (lastModified === undefined ? '' : `,"lastModified":"${new Date(lastModified).toISOString()}"`) +
  (outcome === undefined ? '}' : `,"outcome":${outcome}}`);

/** Concatenated and never cut, since pages are made of little else: the text stays a rope until it is sent. */
function entryText({ fullUrl, resource, mode, request, response }: BundleEntry): string {
  let text = '';
  const add = (member: string) => {
    text += text === '' ? member : `,${member}`;
  };
  if (fullUrl !== undefined) add(`"fullUrl":${JSON.stringify(fullUrl)}`);
  if (resource !== undefined) add(`"resource":${resource}`);
  if (mode !== undefined) add(`"search":{"mode":"${mode}"}`);
  if (request !== undefined) add(`"request":${JSON.stringify(request)}`);
  if (response !== undefined) add(`"response":${responseText(response)}`);
  return `{${text}}`;
}

/** The JSON text of a Bundle. Empty lists are left out, as FHIR wants. */
export function bundleText(
  type: BundleType,
  entries: readonly BundleEntry[],
  more: { readonly total?: number; readonly links?: readonly Link[] } = {},
): string {
  const links = more.links?.length ? `,"link":${JSON.stringify(more.links)}` : '';
  const total = more.total === undefined ? '' : `,"total":${more.total}`;
  const body = entries.length ? `,"entry":[${entries.map(entryText).join(',')}]` : '';
  return `{"resourceType":"Bundle","type":"${type}"${total}${links}${body}}`;
}

const linkMember = /"(reference|url|div|[A-Za-z]*(?:Uri|Url|Oid|Uuid|Canonical))":"((?:[^"\\]|\\.)*)"/g;

// As it stands in JSON text: quotes and the ends of lines are escaped.
const narrativeLink =
  /(<(?:a|img)(?: |\\[nrt])(?:[^<>]*?(?: |\\[nrt]))?(?:href|src)(?: |\\[nrt])*=(?: |\\[nrt])*(\\"|'))(.*?)(?=\2)/g;

/**
 * The text of a resource with every link to an entry of its own Bundle replaced by what `resolved` names for it: in
 * references, in uri, url, oid, uuid and canonical elements, and in links and images of the narrative.
 * https://hl7.org/fhir/R4/http.html#trules
 */
export function withLinks(text: string, resolved: ReadonlyMap<string, string>): string {
  const follow = (link: string): string => {
    const [, target, version = ''] = /^(.*?)(\/_history\/[A-Za-z0-9\-.]+)?$/s.exec(link)!;
    const found = resolved.get(target!);
    return found === undefined ? link : found + version;
  };
  return text.replace(linkMember, (whole, member: string, value: string) => {
    if (member === 'div') {
      const div = value.replace(narrativeLink, (_, before: string, _quote, link: string) => before + follow(link));
      return `"div":"${div}"`;
    }
    const followed = follow(value);
    return followed === value ? whole : `"${member}":${JSON.stringify(followed)}`;
  });
}
