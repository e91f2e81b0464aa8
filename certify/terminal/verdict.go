package terminal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// played is one transaction as it went.
type played struct {
	tx       Transaction
	card     *Card
	host     *Host
	reported Reported
	seen     []*exchange // commands of this transaction alone
	before   holdings
	after    holdings
}

// holdings are what a card has.
type holdings struct {
	balance, used, held money.Fen
	paid                int
	commits             []payment
	metro, bus          []byte
	trips               [][]byte
	purse               purseHoldings
}

// holdings takes stock of the card.
func (c *Card) holdings() holdings {
	h := holdings{balance: c.balance, paid: c.paid, commits: slices.Clone(c.commits), purse: c.union.holdings()}
	if x := c.extension; x != nil {
		h.used, h.held, h.trips = x.used, x.held, slices.Clone(x.trips)
		for _, r := range x.records {
			if r.sfi == fileMetro {
				h.metro = slices.Clone(r.data)
			} else {
				h.bus = slices.Clone(r.data)
			}
		}
	}
	return h
}

// verdict judges a case. Card, host and report are those of one transaction at a time.
type verdict struct {
	setup  *Setup
	at     time.Time
	rounds []played

	played
	problems []string
}

func (v *verdict) turn(n int) {
	v.played = v.rounds[n]
	v.card.seen = v.seen
}

// judge looks at what holds for every transaction, then at what the case is about.
func (v *verdict) judge(f func(*verdict), expected []string) {
	last := len(v.rounds) - 1
	for n := range v.rounds {
		v.turn(n)
		v.habits()
	}
	v.turn(last)
	f(v)
	v.outcome(expected...)
}

// must notes a problem unless ok; format begins with what was expected.
func (v *verdict) must(ok bool, format string, args ...any) bool {
	if !ok {
		if p := fmt.Sprintf(format, args...); !slices.Contains(v.problems, p) {
			v.problems = append(v.problems, p)
		}
	}
	return ok
}

// outcome wants the terminal's word, if it has one, to be one of these.
func (v *verdict) outcome(words ...string) {
	got := v.reported.Outcome
	v.must(got == "" || slices.Contains(words, got), "expected the outcome %s, got %s", strings.Join(words, " or "), got)
}

// all are the commands with an instruction.
func (v *verdict) all(ins byte) []*exchange {
	var out []*exchange
	for _, x := range v.card.seen {
		if x.decoded && x.cmd.INS == ins {
			out = append(out, x)
		}
	}
	return out
}

// count wants a number of commands with an instruction.
func (v *verdict) count(ins byte, n int) bool {
	got := len(v.all(ins))
	return v.must(got == n, "expected %s %s, got %d", times(n), insName(ins), got)
}

// first gives the first command with an instruction, or an empty one and a problem.
func (v *verdict) first(ins byte) *exchange { return v.nth(ins, 0) }

func (v *verdict) nth(ins byte, n int) *exchange {
	if all := v.all(ins); len(all) > n {
		return all[n]
	}
	v.must(false, "expected %s, number %d, and it did not come", insName(ins), n+1)
	return &exchange{values: values{}}
}

// gac gives a GENERATE AC and wants a type of cryptogram to be asked for.
func (v *verdict) gac(n int, kind byte) *exchange {
	x := v.nth(insGAC, n)
	if len(x.raw) > 0 {
		v.must(x.cmd.P1&0xC0 == kind, "expected %s to be asked for in GENERATE AC number %d, got %s", kindName(kind), n+1, kindName(x.cmd.P1&0xC0))
	}
	return x
}

// value wants a value among the data that a DOL asked for.
func (v *verdict) value(x *exchange, tag tlv.Tag, want ...byte) {
	got, ok := x.values[tag]
	if len(x.raw) > 0 {
		v.must(ok && string(got) == string(want), "expected %X in %s, got %X", want, tag, got)
	}
}

// tvr wants bits of the TVR in the first GENERATE AC to be set (on) or not.
func (v *verdict) tvr(on bool, bits ...bit) {
	x := v.first(insGAC)
	v.bits(x.values[tlv.TagTVR], on, bits...)
}

// tvr2 is tvr for the second GENERATE AC.
func (v *verdict) tvr2(on bool, bits ...bit) {
	x := v.nth(insGAC, 1)
	v.bits(x.values[tlv.TagTVR], on, bits...)
}

// bit is a bit of the TVR: byte and mask.
type bit struct {
	byte byte
	mask byte
}

func (v *verdict) bits(tvr []byte, on bool, bits ...bit) {
	if len(tvr) != 5 {
		return
	}
	for _, b := range bits {
		if on {
			v.must(tvr[b.byte-1]&b.mask != 0, "expected TVR byte %d bit %d to be set, got %X", b.byte, bitNumber(b.mask), tvr)
		} else {
			v.must(tvr[b.byte-1]&b.mask == 0, "expected TVR byte %d bit %d not to be set, got %X", b.byte, bitNumber(b.mask), tvr)
		}
	}
}

// clean wants a TVR of zeros in the first GENERATE AC.
func (v *verdict) clean() {
	x := v.first(insGAC)
	v.value(x, tlv.TagTVR, 0, 0, 0, 0, 0)
}

func bitNumber(mask byte) int {
	n := 0
	for ; mask != 0; mask >>= 1 {
		n++
	}
	return n
}

// over wants no command of the transaction behind x.
func (v *verdict) over(x *exchange) {
	i := slices.Index(v.card.seen, x)
	if i < 0 {
		return // its absence is a problem of its own
	}
	for _, y := range v.card.seen[i+1:] {
		if y.life != x.life {
			return
		}
		switch y.cmd.INS {
		case insSelect, insGetData:
		default:
			v.must(false, "expected nothing more behind %s, which ended the transaction, got %s", insName(x.cmd.INS), insName(y.cmd.INS))
		}
	}
}

// paid wants the card to have paid so many times.
func (v *verdict) paid(n int) {
	v.must(v.card.paid == n, "expected the card to pay %s, it paid %s", timesOver(n), timesOver(v.card.paid))
}

// asked wants the issuer to have been asked so many times.
func (v *verdict) asked(n int) bool {
	if !v.tx.Host {
		return true
	}
	return v.must(len(v.host.asked) == n, "expected the issuer to be asked %s, it was asked %s", timesOver(n), timesOver(len(v.host.asked)))
}

// selected wants the application that was chosen in the end.
func (v *verdict) selected(aid []byte) {
	var last []byte
	for _, x := range v.all(insSelect) {
		if x.sw() == apdu.SWOK && x.picked != nil {
			last = x.picked
		}
	}
	if v.must(last != nil, "expected an application to be selected, none was") {
		v.must(string(last) == string(aid), "expected application %X to be selected, got %X", aid, last)
	}
}

// reads wants the records of the locator to be read, each once and in its order.
func (v *verdict) reads() {
	var want, got []string
	for afl := v.card.locator(); len(afl) >= 4; afl = afl[4:] {
		for n := int(afl[1]); n <= int(afl[2]); n++ {
			want = append(want, fmt.Sprintf("%d.%d", afl[0]>>3, n))
		}
	}
	begun := false
	for _, x := range v.card.seen {
		begun = begun || x.cmd.INS == insGPO
		if begun && x.decoded && x.cmd.INS == insRead {
			got = append(got, fmt.Sprintf("%d.%d", x.cmd.P2>>3, x.cmd.P1))
		}
	}
	v.must(slices.Equal(want, got), "expected the records %s to be read, got %s", strings.Join(want, " "), strings.Join(got, " "))
}

// amount wants an amount in the data of a DOL.
func (v *verdict) amount(x *exchange, want money.Fen) {
	v.value(x, tlv.TagAmountAuthorised, n12(want)...)
}

// exchanges are the commands of all transactions, masked.
func (v *verdict) exchanges() []certify.Exchange {
	var out []certify.Exchange
	for n := range v.rounds {
		v.turn(n)
		out = append(out, v.card.shown()...)
	}
	return out
}

func times(n int) string {
	switch n {
	case 0:
		return "no"
	case 1:
		return "one"
	}
	return fmt.Sprint(n)
}

func timesOver(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprint(n, " times")
}

func kindName(kind byte) string {
	return [...]string{"an AAC", "a TC", "an ARQC", "a reserved type"}[kind>>6]
}

func insName(ins byte) string {
	switch ins {
	case insSelect:
		return "SELECT"
	case insRead:
		return "READ RECORD"
	case insGPO:
		return "GET PROCESSING OPTIONS"
	case insGetData:
		return "GET DATA"
	case insInternal:
		return "INTERNAL AUTHENTICATE"
	case insGAC:
		return "GENERATE AC"
	case insExternal:
		return "EXTERNAL AUTHENTICATE"
	case insVerify:
		return "VERIFY"
	case insResponse:
		return "GET RESPONSE"
	case insChallenge:
		return "GET CHALLENGE"
	case insReadCAPP:
		return "READ CAPP DATA"
	case insUpdate:
		return "UPDATE CAPP DATA CACHE"
	case insProve:
		return "GET TRANS PROVE"
	case insInit:
		return "INITIALIZE FOR PURCHASE"
	case insCache:
		return "UPDATE CAPP DATA CACHE of a purse"
	case insDebit:
		return "DEBIT"
	}
	return fmt.Sprintf("command %02X", ins)
}
