package t1_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/clearing/t1"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/crypt/sealfile"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/files"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	window  = 20_778 // 2026-11-21
	network = clearing.Participant(9)
)

func config(dir string) t1.Config {
	return t1.Config{
		Dir: dir, Window: window, Batch: 1, Session: 1, Network: t1.DevelopmentNetworkCode,
		Members: []t1.Member{
			t1.DevelopmentMember(1, true, false),
			t1.DevelopmentMember(2, true, true),
			t1.DevelopmentMember(5, false, true),
		},
		Signer: t1.DevelopmentNetworkKey(),
		Rand:   func(name string) io.Reader { return rand.NewChaCha8(sm3.Sum([]byte(name))) },
	}
}

// item makes a cleared row; n tells it from others.
func item(t testing.TB, n uint32, issuer, acquirer clearing.Participant, amount money.Fen) *clearing.Item {
	t.Helper()
	pan, err := txn.ParsePAN(fmt.Sprintf("622848%012d%d", n, n%10))
	if err != nil {
		t.Fatal(err)
	}
	rule, err := clearing.PriceReformRules().At(window)
	if err != nil {
		t.Fatal(err)
	}
	p := &txn.Presented{Ref: txn.Ref{Block: n}, Start: 1, Arrived: 1_795_226_400} // 2026-11-21 10:00:00
	p.Row = txn.Row{Kind: txn.Exit, Card: txn.CardKey{PAN: pan, PSN: 1}, ATC: uint16(n), AC: [8]byte{1, 2, 3}, Amount: amount,
		IAD: [24]byte{7, 1, 1, 3, 0xA0, 0, 0, 4, 10, 1, 0, 0, 1, 2, 3, 9, 9, 9, 9}, UN: [4]byte{4, 5, 6, 7}, TVR: [5]byte{8}, AIP: [2]byte{0x7C},
		Time: 1_795_226_399, Terminal: txn.TerminalID(0x1000 + n), Sequence: 2_000_000 + n, Tag9F6C: [2]byte{0x80}}
	return &clearing.Item{Presented: p, Verdict: txn.Cleared, Issuer: issuer, Acquirer: acquirer, Fees: rule.Price(amount)}
}

// read opens a published file whole.
func read(t testing.TB, path string, participant clearing.Participant) (files.Header, [][]string, files.Totals) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	public, err := oda.NewSM2Public(t1.DevelopmentNetworkKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealfile.Open(f, func(h sealfile.Header) (sealfile.Unwrapper, error) {
		if h.Participant != uint16(participant) || h.Window != window || h.Batch != 1 {
			t.Errorf("%s: header %+v", path, h)
		}
		return t1.DevelopmentKey(participant), nil
	}, public)
	if err != nil {
		t.Fatal(err)
	}
	r, err := files.NewReader(sealed)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for r.Next() {
		var line []string
		for i, v := range r.Values() {
			c := r.Header().Content.Format().Columns[i]
			line = append(line, c.Show(v, true))
		}
		lines = append(lines, line)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return r.Header(), lines, r.Totals()
}

func publish(t testing.TB, c t1.Config, items ...*clearing.Item) *t1.Set {
	t.Helper()
	s, err := t1.NewSet(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if err := s.Add(it); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOneItemStandsInTheFilesOfItsIssuerAndItsAcquirer(t *testing.T) {
	dir := t.TempDir()
	c := config(dir)
	c.Place = func(*clearing.Item) t1.Place {
		return t1.Place{Category: "4111", Merchant: "SUBWAY", Name: "北京地铁 西直门站"}
	}
	it := item(t, 42, 1, 5, 10000)
	publish(t, c, it)

	head, lines, sums := read(t, filepath.Join(dir, "00000001/IND26112101ICOM"), 1)
	if want := (files.Header{Content: files.IssuerTransactions, Participant: "00000001", Network: "00000000", Day: window, Batch: 1, Session: 1, Currency: "156"}); head != want {
		t.Errorf("header %+v", head)
	}
	trace := seal.TraceOf(txn.TraceInput(it.Row.Terminal, 1, it.Row.Sequence))
	id := hex.EncodeToString(trace[:])
	want := map[int]string{
		files.ColAcquirer: "00000005", files.ColIssuer: "00000001", files.ColTraceNumber: "42", files.ColSentAt: "1121100000", files.ColOriginalTime: "1121095959",
		files.ColCardNumber: "6228480000000000422", files.ColTransactionAmount: "100.00", files.ColTerminal: "00004138", files.ColRetrieval: id[:12], files.ColOtherData: id[12:26],
		files.ColFeeReceivable: "0.35", files.ColFeePayable: "0.00", files.ColSwitchFee: "-0.03", files.ColCardSequence: "001", files.ColClearDate: "1121",
		files.ColMerchantName: "北京地铁 西直门站", files.ColMerchantType: "4111", files.ColMerchant: "SUBWAY", files.ColMerchantFee: "0.00", files.ColMessageType: "0220",
	}
	for column, value := range want {
		if lines[0][column] != value {
			t.Errorf("issuer's line, %s: %q, want %q", files.Transaction.Columns[column].Name, lines[0][column], value)
		}
	}
	if sums.Lines != 1 || sums.Net != -10000+35-3 {
		t.Errorf("issuer's sums %+v", sums)
	}
	_, lines, sums = read(t, filepath.Join(dir, "00000005/IND26112101ACOM"), 5)
	want[files.ColFeeReceivable], want[files.ColFeePayable], want[files.ColSwitchFee], want[files.ColMerchantFee] = "0.00", "-0.35", "-0.03", "0.50"
	for column, value := range want {
		if lines[0][column] != value {
			t.Errorf("acquirer's line, %s: %q, want %q", files.Transaction.Columns[column].Name, lines[0][column], value)
		}
	}
	if sums.Net != 10000-35-3 {
		t.Errorf("acquirer's sums %+v", sums)
	}
	for path, p := range map[string]clearing.Participant{"00000001/IND26112101IIC": 1, "00000005/IND26112101AIC": 5} {
		_, chip, sums := read(t, filepath.Join(dir, path), p)
		if len(chip) != 1 || chip[0][files.ChipTraceID] != id || sums.Amount != 10000 {
			t.Errorf("%s: %v", path, chip)
		}
		checkChip(t, chip[0][files.ChipData])
	}
	if _, lines, _ := read(t, filepath.Join(dir, "00000002/IND26112101ICOM"), 2); len(lines) != 0 {
		t.Errorf("a participant without items has %d lines", len(lines))
	}
}

func TestEveryTerminalNumberFitsItsColumn(t *testing.T) {
	dir := t.TempDir()
	want := map[txn.TerminalID]string{0: "00000000", 8_000_001: "08000001", 99_999_999: "99999999", 100_000_000: "X01NJCHS", 1<<32 - 1: "X1Z141Z3"}
	var items []*clearing.Item
	for id := range want {
		it := item(t, 1, 1, 5, 100)
		it.Row.Terminal = id
		items = append(items, it)
	}
	publish(t, config(dir), items...)
	_, lines, _ := read(t, filepath.Join(dir, "00000001/IND26112101ICOM"), 1)
	for i, it := range items {
		if got := lines[i][files.ColTerminal]; got != want[it.Row.Terminal] {
			t.Errorf("terminal %d is %s, want %s", it.Row.Terminal, got, want[it.Row.Terminal])
		}
	}
}

func checkChip(t *testing.T, data string) {
	t.Helper()
	b, err := hex.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[tlv.Tag]string{
		tlv.TagAC: "0102030000000000", tlv.TagIAD: "07010103a00000040a01000001020309090909", tlv.TagUN: "04050607", tlv.TagATC: "002a", tlv.TagTVR: "0800000000",
		tlv.TagTransactionDate: "261121", tlv.TagTransactionType: "00", tlv.TagAmountAuthorised: "000000010000", tlv.TagAmountOther: "000000000000",
		tlv.TagTransactionCurrency: "0156", tlv.TagTerminalCountry: "0156", tlv.TagAIP: "7c00", tlv.TagPANSequence: "01", tlv.TagCTQ: "8000", tlv.TagCID: "40", tlv.TagARC: "5931",
	} {
		if got, found := tlv.Find(b, tag); !found || hex.EncodeToString(got) != want {
			t.Errorf("tag %s: %x, want %s", tag, got, want)
		}
	}
	if _, found := tlv.Find(b, tlv.TagPAN); found {
		t.Error("the chip data hold the card number")
	}
}

func TestTotalsAreTheNetsOfTheWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "set")
		if err != nil {
			rt.Fatal(err)
		}
		net := rapid.SampledFrom([]clearing.Participant{network, 1, 2, 5}).Draw(rt, "network")
		s, err := t1.NewSet(config(dir))
		if err != nil {
			rt.Fatal(err)
		}
		nets := clearing.NewNets()
		for n := range rapid.IntRange(0, 20).Draw(rt, "items") {
			it := item(t, uint32(n), clearing.Participant(rapid.SampledFrom([]int{1, 2}).Draw(rt, "issuer")), clearing.Participant(rapid.SampledFrom([]int{2, 5}).Draw(rt, "acquirer")),
				money.Fen(rapid.Int64Range(1, 1_000_000).Draw(rt, "amount")))
			nets.Owe(it.Issuer, it.Acquirer, it.Row.Amount-it.Fees.Issuer, 1)
			nets.Owe(it.Issuer, net, it.Fees.NetworkIssuer, 0)
			nets.Owe(it.Acquirer, net, it.Fees.NetworkAcquirer, 0)
			if err := s.Add(it); err != nil {
				rt.Fatal(err)
			}
		}
		totals := s.Totals()
		if err := totals.Check(nets, net); err != nil {
			rt.Fatal(err)
		}
		nets.Owe(1, 5, 1, 1)
		if totals.Check(nets, net) == nil {
			rt.Fatal("a fen too much was not noticed")
		}
		if err := s.Abort(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestTheSameItemsGiveTheSameFiles(t *testing.T) {
	var dirs [2]string
	for i := range dirs {
		dirs[i] = t.TempDir()
		publish(t, config(dirs[i]), item(t, 1, 1, 5, 300), item(t, 2, 2, 2, 400), item(t, 3, 1, 2, 500))
	}
	c := config("")
	if len(c.Names()) != 8 {
		t.Errorf("names %q", c.Names())
	}
	for _, name := range c.Names() {
		a, errA := os.ReadFile(filepath.Join(dirs[0], name))
		b, errB := os.ReadFile(filepath.Join(dirs[1], name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v %v", name, errA, errB)
		}
	}
}

func TestOnlyClearedItemsMoveMoney(t *testing.T) {
	s, err := t1.NewSet(config(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for v := txn.Checkpoint; v <= txn.BadCardData; v++ {
		it := item(t, 1, 1, 5, 100)
		it.Verdict = v
		if err := s.Add(it); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	for _, m := range s.Totals().Members {
		if m.Issuer.Lines+m.Acquirer.Lines != 0 {
			t.Errorf("participant %d has lines", m.Participant)
		}
	}
	for _, c := range []struct{ issuer, acquirer clearing.Participant }{{3, 5}, {5, 5}, {1, 1}, {1, 7}} {
		if err := s.Add(item(t, 1, c.issuer, c.acquirer, 100)); err == nil || !strings.Contains(err.Error(), "is not listed as") {
			t.Errorf("issuer %d, acquirer %d: %v", c.issuer, c.acquirer, err)
		}
	}
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(item(t, 1, 1, 5, 100)); err == nil {
		t.Error("a set that was given up took an item")
	}
}

// files below a folder, relative to it.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCommitIsRepeatableAfterACrashAtAnyRename(t *testing.T) {
	for cut := range 9 {
		dir := t.TempDir()
		c := config(dir)
		s, err := t1.NewSet(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(item(t, 1, 1, 5, 300)); err != nil {
			t.Fatal(err)
		}
		if err := t1.Commit(dir, c.Names()); !errors.Is(err, t1.ErrIncomplete) {
			t.Fatalf("commit before finish: %v", err)
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, name := range c.Names()[:cut%9] {
			if err := os.Rename(filepath.Join(dir, name+".tmp"), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if cut > 0 {
			if _, err := t1.NewSet(c); !errors.Is(err, t1.ErrPublished) {
				t.Fatalf("%d files published: a second set gives %v", cut, err)
			}
		}
		for range 2 {
			if err := t1.Commit(dir, c.Names()); err != nil {
				t.Fatal(err)
			}
		}
		got, want := tree(t, dir), c.Names()
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d: files %q", cut, got)
		}
	}
}

func TestCommitPublishesNothingIfOneFileIsMissing(t *testing.T) {
	dir := t.TempDir()
	c := config(dir)
	s, err := t1.NewSet(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(dir, c.Names()[7])
	if err := os.Rename(last+".tmp", last+".part"); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); !errors.Is(err, t1.ErrIncomplete) {
		t.Errorf("commit: %v", err)
	}
	for _, name := range tree(t, dir) {
		if filepath.Ext(name) == "" {
			t.Errorf("%s was published", name)
		}
	}
	if err := s.Finish(); err == nil {
		t.Error("a set was finished twice")
	}
}

func TestASetOverwritesAnInterruptedOneAndAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := config(dir)
	for _, finish := range []bool{false, true} {
		s, err := t1.NewSet(c)
		if err != nil {
			t.Fatal(err)
		}
		if finish {
			if err := s.Finish(); err != nil {
				t.Fatal(err)
			}
			if err := s.Abort(); err != nil || len(tree(t, dir)) != len(c.Names()) {
				t.Fatalf("giving a finished set up: %v, files %q", err, tree(t, dir))
			}
		}
	}
	s, err := t1.NewSet(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	if left := tree(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*t1.Config){
		"code":      func(c *t1.Config) { c.Members[0].Code = "../../etc" },
		"short":     func(c *t1.Config) { c.Members[0].Code = "123" },
		"twice":     func(c *t1.Config) { c.Members[1].ID = 1 },
		"same code": func(c *t1.Config) { c.Members[1].Code = c.Members[0].Code },
		"network":   func(c *t1.Config) { c.Network = "" },
		"batch":     func(c *t1.Config) { c.Batch = 100 },
		"session":   func(c *t1.Config) { c.Session = 0 },
		"signer":    func(c *t1.Config) { c.Signer = nil },
		"random":    func(c *t1.Config) { c.Rand = nil },
		"key":       func(c *t1.Config) { c.Members[2].Key = [64]byte{1} },
		"window":    func(c *t1.Config) { c.Window = -1 },
	} {
		dir := t.TempDir()
		c := config(dir)
		spoil(&c)
		if _, err := t1.NewSet(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if left := tree(t, dir); len(left) != 0 {
			t.Errorf("%s: left behind %q", name, left)
		}
	}
}

func TestDevelopmentKeysDoNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, t1.DevelopmentKey(1)); strings.Contains(got, fmt.Sprintf("%x", t1.DevelopmentKey(1).Public())) || len(got) > 40 {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if t1.DevelopmentKey(1).Public() == t1.DevelopmentKey(2).Public() {
		t.Error("two participants have one key")
	}
}

func BenchmarkAdd(b *testing.B) {
	s, err := t1.NewSet(config(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	it := item(b, 1, 1, 5, 300)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Add(it); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := s.Abort(); err != nil {
		b.Fatal(err)
	}
}
