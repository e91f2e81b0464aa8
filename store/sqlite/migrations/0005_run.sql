-- note: a simulated run: what it was started with and how far it has come

CREATE TABLE run_state (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
