-- note: the issuer's host: cards, decisions, script orders, and what was given on a terminal's word

-- A card as its issuer knows it beside the books. What the account can spend is opening
-- plus the net of its ledger account. takeover is the lowest counter at which the card has
-- proved its balance here, -1 before, and taken that balance: the float was opened with it.
CREATE TABLE authorise_card (
  token    BLOB    NOT NULL PRIMARY KEY,
  status   INTEGER NOT NULL,
  expiry   BLOB    NOT NULL CHECK (length(expiry) = 2),
  cash_limit INTEGER NOT NULL,
  high     INTEGER NOT NULL,
  has_chip INTEGER NOT NULL,
  deposit  INTEGER NOT NULL,
  orders   BLOB    NOT NULL,
  sending  INTEGER NOT NULL,
  ahead    INTEGER NOT NULL,
  last_cash INTEGER,
  opening  INTEGER NOT NULL,
  takeover INTEGER NOT NULL,
  taken    INTEGER NOT NULL,
  wrong_pins INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each number ever decided. by_counter says which of (counter) and
-- (terminal, sequence) is the number; the other is 0.
CREATE TABLE authorise_decision (
  token      BLOB    NOT NULL,
  by_counter INTEGER NOT NULL,
  counter    INTEGER NOT NULL,
  terminal   INTEGER NOT NULL,
  sequence   INTEGER NOT NULL,
  digest      BLOB NOT NULL CHECK (length(digest) = 32),
  without_pin BLOB NOT NULL CHECK (length(without_pin) = 32),
  state      INTEGER NOT NULL,
  kind       INTEGER NOT NULL,
  code       BLOB    NOT NULL CHECK (length(code) = 2),
  icc        BLOB    NOT NULL,
  auth_code  TEXT    NOT NULL,
  available  INTEGER,
  moved      INTEGER NOT NULL,
  before     INTEGER NOT NULL,
  after      INTEGER NOT NULL,
  note       TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  shown      INTEGER NOT NULL,
  told       INTEGER NOT NULL,
  PRIMARY KEY (token, by_counter, counter, terminal, sequence)
) WITHOUT ROWID;

-- Money that an account got on a terminal's word about the load or unload at a counter.
-- stands is what neither a refund has used up nor the card has disproved.
CREATE TABLE authorise_advance (
  token  BLOB    NOT NULL,
  counter INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  stands INTEGER NOT NULL,
  PRIMARY KEY (token, counter)
) WITHOUT ROWID;

CREATE INDEX authorise_advance_stands ON authorise_advance (token) WHERE stands > 0;
