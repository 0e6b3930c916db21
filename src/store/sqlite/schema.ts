/** The tables of the embedded store, what each is for, and the versions that say whether a file is ours to open. See docs/storage.md. */

/** Rises with every change of the tables or of the bytes in `resource.entries`. */
export const SCHEMA_VERSION = 2;

const words = `
  -- Words of the newest versions (words.ts): most in an index of FTS5, the last few hundred resources beside it.
  CREATE VIRTUAL TABLE words USING fts5 (tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
  CREATE TABLE fresh_words (
    pk INTEGER PRIMARY KEY,
    tokens TEXT NOT NULL
  );
`;

export const tables = `
  -- Every version of every resource, in commit order: the log that changes() reads.
  CREATE TABLE version (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    resource INTEGER NOT NULL,
    version INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    method INTEGER NOT NULL,
    body
  );
  CREATE UNIQUE INDEX version_of ON version (resource, version);

  -- One row per resource for ever, also when it is deleted. entries: its block of index entries (entries.ts).
  -- refs: what it points to and what it is called, one per line (ties.ts), for chains and includes.
  CREATE TABLE resource (
    pk INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    entries BLOB NOT NULL,
    refs TEXT NOT NULL
  );

  -- Keys (sort: hash of the second part or 0), references and intervals (sort: low) of the newest versions.
  CREATE TABLE entry (
    hash INTEGER NOT NULL,
    sort INTEGER NOT NULL,
    pk INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (hash, sort, pk, high)
  ) WITHOUT ROWID;

  CREATE TABLE text (
    hash INTEGER NOT NULL,
    value TEXT NOT NULL,
    pk INTEGER NOT NULL,
    PRIMARY KEY (hash, value, pk)
  ) WITHOUT ROWID;

  ${words}
  CREATE TABLE kept (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (kind, key)
  ) WITHOUT ROWID;
  CREATE INDEX kept_expires ON kept (expires) WHERE expires IS NOT NULL;

  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    key TEXT NOT NULL,
    interaction TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    patients TEXT NOT NULL,
    status INTEGER NOT NULL,
    request TEXT NOT NULL,
    address TEXT NOT NULL,
    query TEXT NOT NULL,
    reason TEXT NOT NULL
  );

  -- Small facts about the store itself: its seed, its versions, what the administration writes.
  CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;
`;

/** Names of the settings that the engine keeps for itself. */
export const own = {
  seed: 'store.seed',
  indexVersion: 'store.index-version',
  reindexed: 'store.reindexed',
  revision: 'store.revision',
  /** Numbers below that of the last audit row that no row has: a store that another one moved into has some. */
  auditGaps: 'store.audit-gaps',
} as const;

/**
 * What brings the tables of schema 1 up to date. Since schema 2 the blocks of entries have another layout, so all of
 * the index is made anew: see upgrade.ts.
 */
export const upgradeOfSchema1 = `${words};
  DELETE FROM entry; DELETE FROM text; UPDATE resource SET entries = x'', refs = '';
  UPDATE setting SET value = '0' WHERE name = '${own.indexVersion}'; DELETE FROM setting WHERE name = '${own.reindexed}'`;
