-- note: acquirer: accepted blocks, ends of the terminals' chains, waiting and held blocks

CREATE TABLE acquirer_block (
  hash         BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  id           INTEGER NOT NULL UNIQUE,
  terminal     INTEGER NOT NULL,
  number       INTEGER NOT NULL,
  start        INTEGER NOT NULL,
  row_count    INTEGER NOT NULL,
  window_no    INTEGER NOT NULL,
  arrived_at   INTEGER NOT NULL,
  segment      INTEGER NOT NULL,
  place        INTEGER NOT NULL,
  length       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX acquirer_block_window ON acquirer_block (window_no, id);

CREATE TABLE acquirer_head (
  terminal      INTEGER PRIMARY KEY,
  number        INTEGER NOT NULL,
  hash          BLOB    NOT NULL,
  next_sequence INTEGER NOT NULL,
  until         INTEGER NOT NULL
);

CREATE TABLE acquirer_waiting (
  terminal INTEGER NOT NULL,
  number   INTEGER NOT NULL,
  hash     BLOB    NOT NULL,
  arrived_at INTEGER NOT NULL,
  raw      BLOB    NOT NULL,
  PRIMARY KEY (terminal, number, hash)
) WITHOUT ROWID;

CREATE TABLE acquirer_held (
  hash      BLOB    NOT NULL PRIMARY KEY,
  terminal  INTEGER NOT NULL,
  number    INTEGER NOT NULL,
  why       INTEGER NOT NULL,
  window_no INTEGER NOT NULL,
  raw       BLOB    NOT NULL
) WITHOUT ROWID;

CREATE TABLE acquirer_count (
  outcome INTEGER PRIMARY KEY,
  n       INTEGER NOT NULL
);
