/** What a MongoDB URI may say to us, read without the driver, so that a bad one stops the start at once. https://www.mongodb.com/docs/manual/reference/connection-string/ */

const DEFAULT_DATABASE = 'watchfire';

/** Scheme, user and password, hosts, database, options. */
const shape =
  /^mongodb(?:\+srv)?:\/\/(?:[^\s:/?#[\]@]*(?::[^\s:/?#[\]@]*)?@)?([^\s/?#@]+)(?:\/([^\s/?#@]*))?(?:\?([^\s#]*))?$/;

/** One host with or without a port; `+srv` takes one name and no port. */
const host = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;
const srvName = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+){2,}$/;

/** The server has its own rules for names; these are those that hold everywhere. */
const databaseName = /^[A-Za-z0-9_-]{1,63}$/;

/** Options whose value is fixed in code because the promises stand on it: what a URI may say of them, and why. */
const fixed: Readonly<Record<string, { readonly allows: RegExp; readonly demand: string }>> = {
  w: { allows: /^majority$/, demand: 'w=majority, or no w: an acknowledged write must survive the loss of a member' },
  journal: { allows: /^true$/, demand: 'journal=true, or no journal: an acknowledged write is on disk' },
  j: { allows: /^true$/, demand: 'j=true, or no j: an acknowledged write is on disk' },
  readpreference: {
    allows: /^primary$/,
    demand: 'readPreference=primary, or none: what was acknowledged is read back',
  },
  retrywrites: { allows: /^true$/, demand: 'retryWrites=true, or none: a lost reply is answered by asking again' },
  compressors: {
    allows: /^(?:none|snappy|zstd)(?:,(?:none|snappy|zstd))*$/,
    demand: 'compressors without zlib: memory of the server was disclosed through it (CVE-2025-14847)',
  },
};

/** Why this URI cannot be used, as the end of a sentence that names the setting, without any part of the URI; undefined for a good one. */
export function uriObjection(uri: string): string | undefined {
  const [, hosts, database, options] = shape.exec(uri) ?? [];
  if (hosts === undefined) {
    return 'must be mongodb://user:password@host:port,host:port/database?options, with %xx for signs in user and password';
  }
  if (uri.startsWith('mongodb+srv:') ? !srvName.test(hosts) : !hosts.split(',').every((entry) => host.test(entry))) {
    return 'must name hosts as host:port, separated by commas, or one name of three parts after mongodb+srv://';
  }
  if (database && !databaseName.test(database)) {
    return 'must name a database of letters, digits, - and _, 63 at most';
  }
  if (!isPercentEncoded(uri)) return 'must write a percent sign as %25';
  for (const [name, value] of new URLSearchParams(options ?? '')) {
    const rule = fixed[name.toLowerCase()];
    if (rule && !rule.allows.test(value)) return `must say ${rule.demand}`;
  }
  return undefined;
}

/** The database that the path of a good URI names. */
export const databaseOf = (uri: string): string => shape.exec(uri)?.[2] || DEFAULT_DATABASE;

/** Hosts and database of a good URI, for logs: without user, password and options. */
export const placeOf = (uri: string): string => `${shape.exec(uri)?.[1] ?? ''}/${databaseOf(uri)}`;

function isPercentEncoded(uri: string): boolean {
  try {
    decodeURIComponent(uri);
    return true;
  } catch {
    return false;
  }
}
