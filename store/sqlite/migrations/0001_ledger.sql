-- note: double-entry ledger: accounts, balances, transfers, permanent ids

-- The fixed part of an account. The slot is a small number that rows use in
-- place of the 16-byte id; it depends on the order of opening and never leaves
-- the database.
CREATE TABLE ledger_account (
  slot       INTEGER PRIMARY KEY,
  id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  kind       INTEGER NOT NULL,
  owner      TEXT    NOT NULL,
  limit_rule INTEGER NOT NULL
);

-- The moving part, kept apart so that a batch rewrites few pages. last is the
-- seq of the newest transfer of the account, 0 if none.
CREATE TABLE ledger_balance (
  slot    INTEGER PRIMARY KEY,
  debits  INTEGER NOT NULL,
  credits INTEGER NOT NULL,
  last    INTEGER NOT NULL
);

-- Transfers in order of posting. debit_prev and credit_prev name the transfer
-- before this one on the same account, so that an account's history is a chain
-- and needs no index.
CREATE TABLE ledger_transfer (
  seq         INTEGER PRIMARY KEY,
  id          BLOB    NOT NULL,
  debit       INTEGER NOT NULL,
  credit      INTEGER NOT NULL,
  amount      INTEGER NOT NULL,
  code        INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  window_no   INTEGER NOT NULL,
  ref         BLOB,
  debit_prev  INTEGER NOT NULL,
  credit_prev INTEGER NOT NULL
);

-- Every id ever booked: this table alone decides what is new.
CREATE TABLE ledger_transfer_id (
  id  BLOB    NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL
) WITHOUT ROWID;

-- For an account with many postings in one batch: their sum and range of times,
-- so that a walk along the chain can step over the whole batch. Worked out from
-- ledger_transfer.
CREATE TABLE ledger_segment_cache (
  slot    INTEGER NOT NULL,
  last    INTEGER NOT NULL,
  prev    INTEGER NOT NULL,
  at_min  INTEGER NOT NULL,
  at_max  INTEGER NOT NULL,
  debits  INTEGER NOT NULL,
  credits INTEGER NOT NULL,
  PRIMARY KEY (slot, last)
) WITHOUT ROWID;

-- What a dump shows in place of the tables: ids instead of slots and seqs.
CREATE VIEW dump_ledger_account AS
  SELECT id, kind, owner, limit_rule FROM ledger_account;

CREATE VIEW dump_ledger_balance AS
  SELECT a.id AS account, b.debits, b.credits
  FROM ledger_balance b JOIN ledger_account a ON a.slot = b.slot;

CREATE VIEW dump_ledger_transfer AS
  SELECT t.id, d.id AS debit, c.id AS credit, t.amount, t.code, t.at, t.window_no, t.ref
  FROM ledger_transfer t
  JOIN ledger_account d ON d.slot = t.debit
  JOIN ledger_account c ON c.slot = t.credit;

CREATE VIEW dump_ledger_transfer_id AS
  SELECT i.id, t.id IS i.id AS booked
  FROM ledger_transfer_id i LEFT JOIN ledger_transfer t ON t.seq = i.seq;
