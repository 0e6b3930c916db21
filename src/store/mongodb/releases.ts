/** Releases of MongoDB whose known faults lose data or disclose memory. https://www.mongodb.com/resources/products/alerts */

/** Older lines lack what the engine stands on, and get no repairs. */
const OLDEST_LINE = '6.0';

interface Fault {
  /** As the end of "loses data:" or "discloses memory:". */
  readonly what: string;
  readonly kind: 'loses data' | 'discloses memory';
  /** Per line of releases: the patch that first has the repair; `never` for a line that ended without it. Lines not named are not affected. */
  readonly repaired: Readonly<Record<string, number | 'never'>>;
  readonly source: string;
}

const faults: readonly Fault[] = [
  {
    what: 'CVE-2025-14847, to anybody who reaches the port, through zlib',
    kind: 'discloses memory',
    // The fault is as old as 3.6; the rapid releases between had ended when it was found.
    repaired: {
      ...{ '6.0': 27, '6.1': 'never', '6.2': 'never', '6.3': 'never' },
      ...{ '7.0': 28, '7.1': 'never', '7.2': 'never', '7.3': 'never' },
      ...{ '8.0': 17, '8.1': 'never', '8.2': 3 },
    },
    source: 'https://jira.mongodb.org/browse/SERVER-115508',
  },
  {
    what: 'CVE-2024-10921, to users, through malformed BSON',
    kind: 'discloses memory',
    repaired: { '6.0': 19, '7.0': 15, '8.0': 3 },
    source: 'https://jira.mongodb.org/browse/SERVER-96419',
  },
  {
    what: 'CVE-2026-11933, to users, through server-side JavaScript',
    kind: 'discloses memory',
    repaired: { '6.0': 29, '7.0': 37, '8.0': 26, '8.2': 11, '8.3': 4 },
    source: 'https://jira.mongodb.org/browse/SERVER-128125',
  },
  {
    what: 'CVE-2026-13066, to users, through server-side JavaScript',
    kind: 'discloses memory',
    repaired: { '7.0': 39, '8.0': 28, '8.2': 12, '8.3': 7 },
    source: 'https://osv.dev/vulnerability/BIT-mongodb-2026-13066',
  },
  {
    what: 'CVE-2026-18693, to users, through time series collections',
    kind: 'discloses memory',
    repaired: { '7.0': 40, '8.0': 29, '8.2': 'never', '8.3': 8 },
    source: 'https://osv.dev/vulnerability/BIT-mongodb-2026-18693',
  },
  {
    what: 'CVE-2026-120811, to users, through the plan cache',
    kind: 'discloses memory',
    repaired: { '7.0': 48, '8.0': 37, '8.3': 16, '9.0': 7 },
    source: 'https://www.cve.org/CVERecord?id=CVE-2026-120811',
  },
  {
    what: 'CVE-2025-10060, an upsert retried in a transaction can break a unique index',
    kind: 'loses data',
    repaired: { '6.0': 25, '7.0': 22, '8.0': 12 },
    source: 'https://jira.mongodb.org/browse/SERVER-95524',
  },
  {
    what: 'transactions on a sharded cluster can miss writes while data moves',
    kind: 'loses data',
    repaired: { '6.0': 14, '7.0': 8, '7.1': 'never', '7.2': 'never', '7.3': 1 },
    source: 'https://www.mongodb.com/resources/products/alerts/critical-alert-sharding-txn-issues-apr-2024',
  },
  {
    what: 'SERVER-78414, writes to a range of a sharded cluster that moves can be skipped',
    kind: 'loses data',
    repaired: { '6.0': 8 },
    source: 'https://jira.mongodb.org/browse/SERVER-78414',
  },
  {
    what: 'SERVER-68511, movePrimary leaves a sharded cluster of two minds',
    kind: 'loses data',
    repaired: { '6.0': 1 },
    source: 'https://jira.mongodb.org/browse/SERVER-68511',
  },
];

/** `8.0.17`, `8.0.17-rc1` and `8.0.17-6` are all patch 17 of line 8.0. */
const parts = /^((\d+)\.(\d+))\.(\d+)/;

const orderOf = (line: string): number => {
  const [major, minor] = line.split('.').map(Number);
  return major! * 1_000 + minor!;
};

/** Why a release is not served on, with what to do; undefined for a good one, and for a faulty one that the operator has accepted by its exact name. */
export function releaseObjection(release: string, accepted: string | undefined): string | undefined {
  const [, line, , , patch] = parts.exec(release) ?? [];
  if (line === undefined) return `the server calls its release ${JSON.stringify(release)}, which cannot be judged`;
  if (orderOf(line) < orderOf(OLDEST_LINE)) {
    return `MongoDB ${release} is not supported; upgrade it to ${OLDEST_LINE} or later`;
  }
  if (accepted === release) return undefined;
  const found = faults.filter(({ repaired }) => {
    const needed = repaired[line];
    return needed === 'never' || (needed !== undefined && Number(patch) < needed);
  });
  if (found.length === 0) return undefined;
  const told = found.map(({ kind, what, source }) => `${kind}: ${what} (${source})`).join('; ');
  return (
    `MongoDB ${release} has known faults, repaired in ${goodReleaseFor(line)}; upgrade it, or accept them by ` +
    `WATCHFIRE_MONGODB_ACCEPT_RELEASE=${release}. It ${told}`
  );
}

/** The first release of this line without any of the faults, or of the next line that has one. */
function goodReleaseFor(line: string): string {
  const lines = [...new Set(faults.flatMap(({ repaired }) => Object.keys(repaired)))]
    .filter((candidate) => orderOf(candidate) >= orderOf(line))
    .sort((a, b) => orderOf(a) - orderOf(b));
  for (const candidate of lines) {
    const needed = faults.flatMap(({ repaired }) => repaired[candidate] ?? []);
    if (!needed.includes('never')) return `${candidate}.${Math.max(...needed.map(Number))}`;
  }
  return 'no release that is known here';
}
