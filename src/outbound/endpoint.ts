/** Where outgoing calls may go, judged from the URL alone; the address behind a name is judged when it is connected to. */
import { isIP } from 'node:net';
import { type Problem, problem } from '../fhir/outcome.ts';
import { isBlockedAddress } from './addresses.ts';

/** Exact `host:port` entries that may be reached although private, and without TLS. Read once with `readAllowList`. */
export type AllowList = ReadonlySet<string>;

const longestUrl = 2048;

/** Ports at and above 1024 behind which databases, brokers and control planes listen, which speak no HTTP or too much of it. */
const servicePorts: ReadonlySet<number> = new Set([
  1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 2575, 3306, 3389, 4369, 5432, 5671, 5672, 5900, 5984, 5985,
  5986, 6000, 6379, 6443, 6667, 7000, 7001, 8086, 8500, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 27017,
  27018, 27019,
]);

/** Names that resolve inside a house or not at all. */
const privateSuffixes = ['.localhost', '.local', '.internal', '.intranet', '.lan', '.home.arpa', '.onion', '.test'];

/** Throws Error, naming the entry's place in the list, where an entry is not `host:port`. */
export function readAllowList(entries: readonly string[]): AllowList {
  return new Set(
    entries.map((entry, index) => {
      const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(entry) ?? [];
      if (host === undefined || !URL.canParse(`http://${host}`) || Number(port) > 65_535) {
        throw new Error(`Entry ${index + 1} of the outbound allow-list is not host:port`);
      }
      return `${new URL(`http://${host}`).hostname}:${Number(port)}`;
    }),
  );
}

/** `host:port` of a URL, with the scheme's own port where none is written. */
export const hostAndPort = ({ hostname, port, protocol }: Pick<URL, 'hostname' | 'port' | 'protocol'>): string =>
  `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;

/** What is wrong with an endpoint, as 422 business-rule; undefined where it may be called. */
export function checkEndpoint(text: string, allow: AllowList): Problem | undefined {
  const fault = endpointFault(text, allow);
  return fault === undefined ? undefined : problem('business-rule', `The endpoint ${fault}`);
}

function endpointFault(text: string, allow: AllowList): string | undefined {
  if (text.length > longestUrl) return `is longer than ${longestUrl} characters`;
  // The URL parser drops or rewrites these silently, so two readers could see two hosts.
  if (/[\s\\\u0000-\u001f\u007f]/.test(text)) return 'has white space, control characters or backslashes';
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https URL';
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/*[^/?#]*@/i.test(text)) return 'must not name a user';
  if (url.hash !== '') return 'must not have a fragment';
  if (allow.has(hostAndPort(url))) return undefined;
  if (url.protocol !== 'https:') return 'must be an https URL';
  return hostFault(url.hostname) ?? portFault(Number(url.port || 443));
}

function hostFault(hostname: string): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host)) return isBlockedAddress(host) ? 'is at an address that is not public' : undefined;
  const name = host.replace(/\.$/, '');
  if (name === '' || name.endsWith('.') || !name.includes('.')) return 'must be at a public host name';
  return privateSuffixes.some((suffix) => name.endsWith(suffix)) ? 'must be at a public host name' : undefined;
}

const portFault = (port: number): string | undefined =>
  port === 443 || port === 80 || (port >= 1024 && !servicePorts.has(port))
    ? undefined
    : 'is at a port that is not open to it';
