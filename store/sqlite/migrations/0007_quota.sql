-- note: the issuers' quota scheme: services of cards, pushes as they were sent, changes of the deny list

CREATE TABLE quota_service (
  token BLOB NOT NULL PRIMARY KEY,
  state BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE quota_send (
  window_no INTEGER NOT NULL,
  round     INTEGER NOT NULL,
  token     BLOB    NOT NULL,
  push_atc  INTEGER NOT NULL,
  after_atc INTEGER NOT NULL,
  sends     INTEGER NOT NULL,
  command   BLOB    NOT NULL,
  PRIMARY KEY (window_no, round, token)
) WITHOUT ROWID;

CREATE TABLE quota_listing (
  window_no INTEGER NOT NULL,
  token     BLOB    NOT NULL,
  denied    INTEGER NOT NULL,
  PRIMARY KEY (window_no, token)
) WITHOUT ROWID;
