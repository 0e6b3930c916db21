/** Which header lines a subscriber may add to the calls made for it. https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.channel.header */

export interface HeaderLine {
  readonly name: string;
  readonly value: string;
}

/** Lines on one channel. */
export const mostHeaderLines = 16;
const longestLine = 4096;

/** Beside these, `X-` names that do not speak of the route the call took. All others belong to HTTP or to us. */
const allowedNames: ReadonlySet<string> = new Set([
  'authorization',
  'accept',
  'accept-language',
  'api-key',
  'apikey',
  'from',
  'prefer',
  'traceparent',
  'tracestate',
  'user-agent',
  'ocp-apim-subscription-key',
]);
const routeNames =
  /^x-(?:forwarded|real-ip|original|rewrite|http-method|method-override|envoy|amzn|client-ip|host|watchfire)/;

/** The two halves of a line, or a sentence part that says what is wrong with it; never quotes the line. */
export function readHeaderLine(line: string): HeaderLine | string {
  if (line.length > longestLine) return `is longer than ${longestLine} characters`;
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\x20-\x7e\t]*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) return 'is not a header name, a colon and printable ASCII text';
  const lower = name.toLowerCase();
  const allowed = allowedNames.has(lower) || (lower.startsWith('x-') && !routeNames.test(lower));
  return allowed ? { name, value: value.trim() } : 'names a header that a subscriber may not set';
}
