-- note: disputes between issuers and acquirers, with their events

CREATE TABLE dispute_case (
  id       INTEGER PRIMARY KEY,
  token    BLOB    NOT NULL,
  atc      INTEGER NOT NULL,
  terminal INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  state    TEXT    NOT NULL,
  due      INTEGER NOT NULL,
  subject  BLOB    NOT NULL
);

-- One row is in dispute once.
CREATE UNIQUE INDEX dispute_row ON dispute_case (token, terminal, sequence);

CREATE INDEX dispute_due ON dispute_case (due) WHERE due <> 0;

CREATE TABLE dispute_event (
  dispute INTEGER NOT NULL,
  number  INTEGER NOT NULL,
  body    BLOB    NOT NULL,
  PRIMARY KEY (dispute, number)
) WITHOUT ROWID;
