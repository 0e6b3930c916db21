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

const isNumber = /^\d{1,9}$/;
const isSwitch = /^(?:true|false)$/;
const isAny = /./;
/** The other options that a URI may have: how to find and to be let in, and how many connections there may be. */
const free: Readonly<Record<string, RegExp>> = {
  ...{ replicaset: isAny, srvservicename: isAny, srvmaxhosts: isNumber, appname: isAny, servermonitoringmode: isAny },
  ...{ authsource: isAny, authmechanism: isAny, authmechanismproperties: isAny },
  ...{ tls: isSwitch, ssl: isSwitch, tlscafile: isAny, tlscrlfile: isAny, tlsinsecure: isSwitch },
  ...{ tlscertificatekeyfile: isAny, tlscertificatekeyfilepassword: isAny },
  ...{ tlsallowinvalidcertificates: isSwitch, tlsallowinvalidhostnames: isSwitch },
  ...{ maxpoolsize: isNumber, minpoolsize: isNumber, maxconnecting: isNumber, maxidletimems: isNumber },
  ...{ waitqueuetimeoutms: isNumber, connecttimeoutms: isNumber, sockettimeoutms: isNumber },
  ...{ serverselectiontimeoutms: isNumber, heartbeatfrequencyms: isNumber, localthresholdms: isNumber },
  ...{ proxyhost: isAny, proxyport: isNumber, proxyusername: isAny, proxypassword: isAny },
};

/** Options whose value is fixed in code because the promises stand on it: what a URI may say of them, and why. */
const fixed: Readonly<Record<string, { readonly allows: RegExp; readonly demand: string }>> = {
  w: { allows: /^majority$/, demand: 'w=majority, or no w: an acknowledged write must survive the loss of a member' },
  journal: { allows: /^true$/, demand: 'journal=true, or no journal: an acknowledged write is on disk' },
  j: { allows: /^true$/, demand: 'j=true, or no j: an acknowledged write is on disk' },
  readpreference: {
    allows: /^primary$/,
    demand: 'readPreference=primary, or none: what was acknowledged is read back',
  },
  readconcernlevel: {
    allows: /^(?:majority|snapshot)$/,
    demand: 'readConcernLevel=majority, or none: what is read must not be gone after an election',
  },
  wtimeoutms: { allows: /^$/, demand: 'no wtimeoutMS: a write is acknowledged by a majority, however long that takes' },
  wtimeout: { allows: /^$/, demand: 'no wtimeout: a write is acknowledged by a majority, however long that takes' },
  timeoutms: {
    allows: /^$/,
    demand: 'no timeoutMS: how long writes and reads wait for an election is told by the server',
  },
  directconnection: {
    allows: /^false$/,
    demand: 'no directConnection, and name every member: the one that is named alone may lose its place',
  },
  loadbalanced: { allows: /^false$/, demand: 'no loadBalanced: the members of the set have to be known' },
  retryreads: { allows: /^true$/, demand: 'retryReads=true, or none: a lost reply is answered by asking again' },
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
    const rule = Object.hasOwn(fixed, name.toLowerCase()) ? fixed[name.toLowerCase()] : undefined;
    if (rule && !rule.allows.test(value)) return `must say ${rule.demand}`;
    if (rule) continue;
    // What looks like no name may be a part of a password.
    const isName = /^[A-Za-z]{1,40}$/.test(name) && value !== '';
    const rest = Object.hasOwn(free, name.toLowerCase()) ? free[name.toLowerCase()] : undefined;
    if (!rest) return `must not have ${isName ? `the option ${name}` : 'options that are none of MongoDB'}`;
    if (!rest.test(value)) return `must give ${name} ${rest === isSwitch ? 'true or false' : 'a number'}`;
  }
  return undefined;
}

/** The database that the path of a good URI names. */
export const databaseOf = (uri: string): string => shape.exec(uri)?.[2] || DEFAULT_DATABASE;

/** The replica set that a good URI asks for. */
export const replicaSetOf = (uri: string): string | undefined =>
  [...new URLSearchParams(shape.exec(uri)?.[3] ?? '')].find(([name]) => name.toLowerCase() === 'replicaset')?.[1];

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
