-- note: clearing: counters of cards, windows, nets, exceptions; cards stand under their token

CREATE TABLE clearing_card (
  token BLOB NOT NULL PRIMARY KEY,
  state BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE clearing_window (
  window_no INTEGER PRIMARY KEY,
  closed_at INTEGER NOT NULL
);

CREATE TABLE clearing_net (
  window_no INTEGER NOT NULL,
  debtor    INTEGER NOT NULL,
  creditor  INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  items     INTEGER NOT NULL,
  PRIMARY KEY (window_no, debtor, creditor)
) WITHOUT ROWID;

CREATE TABLE clearing_share (
  window_no INTEGER NOT NULL,
  acquirer  INTEGER NOT NULL,
  operator  INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  PRIMARY KEY (window_no, acquirer, operator)
) WITHOUT ROWID;

CREATE TABLE clearing_count (
  window_no INTEGER NOT NULL,
  verdict   INTEGER NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (window_no, verdict)
) WITHOUT ROWID;

CREATE TABLE clearing_exception (
  block     INTEGER NOT NULL,
  row_index INTEGER NOT NULL,
  window_no INTEGER NOT NULL,
  verdict   INTEGER NOT NULL,
  trace     BLOB    NOT NULL,
  card      TEXT    NOT NULL,
  atc       INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  terminal  INTEGER NOT NULL,
  sequence  INTEGER NOT NULL,
  PRIMARY KEY (block, row_index)
) WITHOUT ROWID;

CREATE TABLE clearing_rebate (
  token     BLOB    NOT NULL,
  atc       INTEGER NOT NULL,
  window_no INTEGER NOT NULL,
  card      TEXT    NOT NULL,
  paid      INTEGER NOT NULL,
  price     INTEGER NOT NULL,
  PRIMARY KEY (token, atc)
) WITHOUT ROWID;
