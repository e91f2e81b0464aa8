package ledger_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// TestDialogues walks testdata/*.txt. One row is one operation, followed by what
// is expected of it:
//
//	open NAME KIND [LIMIT]
//	post | post-linked: rows "ID DEBIT CREDIT FEN [code=N] [at=N] [window=N] [ref=TEXT]"
//	balances [as-of=SECONDS]
func TestDialogues(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		d := &dialogue{books: newBooks()}
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			switch td.Cmd {
			case "open":
				return d.open(td)
			case "post", "post-linked":
				return d.post(td)
			case "balances":
				return d.balances(t, td)
			}
			td.Fatalf(t, "unknown command %q", td.Cmd)
			return ""
		})
	})
}

type dialogue struct {
	books *books
	names []string
}

func accountNamed(name string) (id ledger.AccountID) {
	copy(id[:], name)
	return id
}

func (d *dialogue) open(td *datadriven.TestData) string {
	var out strings.Builder
	for _, line := range strings.Split(td.Input, "\n") {
		f := strings.Fields(line)
		kind, err := ledger.ParseAccountKind(f[1])
		if err != nil {
			return err.Error()
		}
		limit := ledger.Unlimited
		for _, l := range []ledger.Limit{ledger.DebitsWithinCredits, ledger.CreditsWithinDebits} {
			if len(f) > 2 && f[2] == l.String() {
				limit = l
			}
		}
		a := ledger.Account{ID: accountNamed(f[0]), Kind: kind, Owner: f[0], Limit: limit}
		fmt.Fprintf(&out, "%s: %s, %s\n", f[0], ledger.CheckAccount(&a), limit)
		d.books.accounts[a.ID] = ledger.State{Limit: limit}
		d.names = append(d.names, f[0])
	}
	return out.String()
}

func parseTransfer(line string) (t ledger.Transfer, err error) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return t, fmt.Errorf("row %q: want ID DEBIT CREDIT FEN", line)
	}
	if f[0] != "-" {
		copy(t.ID[:], f[0])
	}
	t.Debit, t.Credit = accountNamed(f[1]), accountNamed(f[2])
	amount, err := strconv.ParseInt(f[3], 10, 64)
	if err != nil {
		return t, err
	}
	t.Amount = money.Fen(amount)
	for _, extra := range f[4:] {
		key, value, _ := strings.Cut(extra, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case key == "ref":
			t.Ref = []byte(value)
		case err != nil:
			return t, err
		case key == "code":
			t.Code = uint16(n)
		case key == "at":
			t.At = n
		case key == "window":
			t.Window = int32(n)
		default:
			return t, fmt.Errorf("row %q: unknown key %q", line, key)
		}
	}
	return t, nil
}

func (d *dialogue) post(td *datadriven.TestData) string {
	var batch []ledger.Transfer
	lines := strings.Split(td.Input, "\n")
	for _, line := range lines {
		t, err := parseTransfer(line)
		if err != nil {
			return err.Error()
		}
		batch = append(batch, t)
	}
	apply := ledger.Apply
	if td.Cmd == "post-linked" {
		apply = ledger.ApplyLinked
	}
	r, err := apply(d.books, batch)
	if err != nil {
		return err.Error()
	}
	d.books.store(batch, r)
	var out strings.Builder
	for i, o := range r.Outcomes {
		fmt.Fprintf(&out, "%s: %s", strings.Fields(lines[i])[0], o)
		if o.Transient() {
			out.WriteString(" (may succeed later)")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func (d *dialogue) balances(t *testing.T, td *datadriven.TestData) string {
	var out strings.Builder
	var debits, credits money.Fen
	for _, name := range d.names {
		b := d.books.accounts[accountNamed(name)].Balance
		if td.HasArg("as-of") {
			var at int64
			td.MaybeScanArgs(t, "as-of", &at)
			b = ledger.BalanceAsOf(slices.Values(d.books.order), accountNamed(name), at)
		}
		debits, credits = debits+b.Debits, credits+b.Credits
		fmt.Fprintf(&out, "%-12s debits %6s credits %6s net %7s\n", name, b.Debits, b.Credits, b.Net())
	}
	fmt.Fprintf(&out, "%-12s debits %6s credits %6s\n", "total", debits, credits)
	return out.String()
}
