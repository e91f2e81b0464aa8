-- note: registers of terminals and issuers, where rows lie, what breaks rest on, the clerks' desk and its audit chain

-- The first row of each block, so that a row is found by terminal and sequence.
-- Sequences have no gaps, so blocks accepted before this change follow from their
-- lengths.
ALTER TABLE acquirer_block ADD COLUMN first_sequence INTEGER NOT NULL DEFAULT 0;

CREATE INDEX acquirer_block_terminal ON acquirer_block (terminal, number);

UPDATE acquirer_block SET first_sequence = 1 + (
  SELECT coalesce(sum(b.row_count), 0) FROM acquirer_block b
  WHERE b.terminal = acquirer_block.terminal AND b.number < acquirer_block.number);

CREATE INDEX acquirer_block_sequence ON acquirer_block (terminal, first_sequence);

-- The terminals that may send blocks: public key X || Y, institution and operator, and
-- where it stands, in words. waited says that rows of others are waited for until this one has sent its own.
CREATE TABLE acquirer_terminal (
  terminal INTEGER PRIMARY KEY,
  key      BLOB    NOT NULL CHECK (length(key) = 64),
  acquirer INTEGER NOT NULL,
  operator INTEGER NOT NULL,
  waited   INTEGER NOT NULL,
  place    TEXT    NOT NULL
);

-- The number ranges of issuers: the set of masters of the keystore that their cards'
-- keys follow from, and, of a purse, its issuer as in bytes 0 to 7 of file 15.
CREATE TABLE issuer_range (
  bin         TEXT    NOT NULL PRIMARY KEY,
  participant INTEGER NOT NULL,
  masters     INTEGER NOT NULL,
  factor      BLOB    NOT NULL
) WITHOUT ROWID;

ALTER TABLE recon_break ADD COLUMN basis INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recon_break ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recon_break ADD COLUMN arose INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recon_break ADD COLUMN by_log INTEGER NOT NULL DEFAULT 0;

UPDATE recon_break SET arose = since;

CREATE TABLE desk_clerk (
  name     TEXT    NOT NULL PRIMARY KEY,
  key      BLOB    NOT NULL UNIQUE CHECK (length(key) = 64),
  added_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What a clerk asks for and what became of it. body is what the proposer signed,
-- decision what the one who decided signed; the other columns repeat parts of them
-- for searching.
CREATE TABLE desk_request (
  id        INTEGER PRIMARY KEY,
  token     BLOB    NOT NULL,
  p         INTEGER NOT NULL,
  q         INTEGER NOT NULL,
  part      INTEGER NOT NULL,
  status    INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  body      BLOB    NOT NULL,
  signature BLOB    NOT NULL,
  decision  BLOB    NOT NULL,
  approval  BLOB    NOT NULL
);

CREATE INDEX desk_request_card ON desk_request (token);

-- One line for each thing that a person did, each with the hash of the one before.
CREATE TABLE desk_audit (
  number INTEGER PRIMARY KEY,
  line   BLOB NOT NULL,
  hash   BLOB NOT NULL CHECK (length(hash) = 32)
);
