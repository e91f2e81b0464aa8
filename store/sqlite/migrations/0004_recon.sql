-- note: reconciliation: timelines of cards, breaks and flash cards; cards stand under their token

CREATE TABLE recon_card (
  token       BLOB    NOT NULL PRIMARY KEY,
  state       BLOB    NOT NULL,
  open        INTEGER NOT NULL,
  due         INTEGER NOT NULL,
  frozen      INTEGER NOT NULL,
  provisional INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX recon_card_open ON recon_card (token) WHERE open = 1;
CREATE INDEX recon_card_provisional ON recon_card (provisional) WHERE provisional <> 0;

CREATE TABLE recon_break (
  token     BLOB    NOT NULL,
  p         INTEGER NOT NULL,
  q         INTEGER NOT NULL,
  part      INTEGER NOT NULL,
  card      TEXT    NOT NULL,
  state     INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  contested INTEGER NOT NULL,
  missing   INTEGER NOT NULL,
  named     INTEGER NOT NULL,
  held      INTEGER NOT NULL,
  stands    INTEGER NOT NULL,
  since     INTEGER NOT NULL,
  final     INTEGER NOT NULL,
  terminal  INTEGER NOT NULL,
  PRIMARY KEY (token, p, q, part)
) WITHOUT ROWID;

CREATE TABLE recon_flash (
  token      BLOB    NOT NULL,
  atc        INTEGER NOT NULL,
  amount     INTEGER NOT NULL,
  service    INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  PRIMARY KEY (token, atc)
) WITHOUT ROWID;
