-- note: reconciliation: timelines of cards, those that are open, breaks; cards stand under their token

CREATE TABLE recon_card (
  token BLOB NOT NULL PRIMARY KEY,
  state BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE recon_open (
  token BLOB NOT NULL PRIMARY KEY,
  part  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE recon_break (
  token   BLOB    NOT NULL,
  p       INTEGER NOT NULL,
  q       INTEGER NOT NULL,
  card    TEXT    NOT NULL,
  state   INTEGER NOT NULL,
  amount  INTEGER NOT NULL,
  window_no INTEGER NOT NULL,
  text_en TEXT    NOT NULL,
  text_zh TEXT    NOT NULL,
  PRIMARY KEY (token, p, q)
) WITHOUT ROWID;
