-- note: clearing: blind fares whose entry is no longer waited for

CREATE TABLE clearing_abandoned (
  token     BLOB    NOT NULL,
  atc       INTEGER NOT NULL,
  window_no INTEGER NOT NULL,
  card      TEXT    NOT NULL,
  block     INTEGER NOT NULL,
  row_index INTEGER NOT NULL,
  terminal  INTEGER NOT NULL,
  paid      INTEGER NOT NULL,
  PRIMARY KEY (token, atc)
) WITHOUT ROWID;
