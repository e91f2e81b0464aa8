package examine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
	"github.com/citycard/citycard/wire/tlv/describe"
)

// Results of a finding.
const (
	Verified = "verified" // a key that was given verifies it
	Wrong    = "wrong"    // a key that was given says that it is not right
	Unknown  = "unknown"  // nobody here can say; Why says what is missing
	Nothing  = "nothing"  // there is nothing to verify
)

// Report is a conversation in words.
type Report struct {
	Session  string    `json:"session"`
	Source   string    `json:"source"`
	Steps    []Step    `json:"steps"`
	Findings []Finding `json:"findings"`
}

// Step is one exchange.
type Step struct {
	Seq      int             `json:"seq"`
	ATR      string          `json:"atr,omitempty"` // of a reset, hexadecimal
	Command  []describe.Item `json:"command,omitempty"`
	Response []describe.Item `json:"response,omitempty"`
	Note     string          `json:"note,omitempty"` // why one of them is not explained
}

// Finding says of one kind of proof in a conversation whether it verifies.
type Finding struct {
	Seq    int    `json:"seq"`   // of the first exchange that holds it
	Count  int    `json:"count"` // how often it stands there with the same result
	What   string `json:"what"`
	Result string `json:"result"` // Verified, Wrong, Unknown or Nothing
	Why    string `json:"why"`
}

// Keys are what proofs are verified with; all may be empty.
type Keys struct {
	CA     []oda.CAKey
	Purses []PurseKeys
}

// PurseKeys are keys of one purse. A zero key is one that is not known.
type PurseKeys struct {
	Serial   [8]byte // bytes 12 to 19 of file 15
	Load     epurse.Key
	Purchase epurse.Key
	TAC      epurse.Key
}

// Session examines a conversation. o chooses the language and whether numbers are
// shown. The error is that of a CA key which cannot be used.
func Session(s *recording.Session, keys Keys, o describe.Options) (*Report, error) {
	verifier, err := oda.NewVerifier(keys.CA, 4)
	if err != nil {
		return nil, fmt.Errorf("examine session %q: %w", s.Name, err)
	}
	e := &examiner{s: s, keys: keys, o: o, verifier: verifier, report: &Report{Session: plain(s.Name), Source: plain(s.Source), Findings: []Finding{}}}
	for i := range s.Exchanges {
		e.report.Steps = append(e.report.Steps, e.step(&s.Exchanges[i]))
	}
	e.leave()
	if len(e.report.Findings) == 0 {
		e.empty()
	}
	slices.SortStableFunc(e.report.Findings, func(a, b Finding) int { return a.Seq - b.Seq })
	return e.report, nil
}

// plain is a text of a file for a screen: what steers a terminal shows as a question mark.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// examiner is an examination under way.
type examiner struct {
	s        *recording.Session
	keys     Keys
	o        describe.Options
	verifier *oda.Verifier
	report   *Report

	asked   []byte // the command whose answer comes in pieces (T=0)
	partial []byte
	foreign int // exchanges that are no APDUs
	lost    int

	aid     []byte
	app     application
	purse   purse
	channel []byte // security domain of an open secure channel
	last    string // issuer of the last application, in words
}

func (e *examiner) say(en, zh string) string {
	if e.o.Lang == "zh" {
		return zh
	}
	return en
}

// find adds a finding; the same again only counts.
func (e *examiner) find(seq int, what, result, why string) {
	for i := range e.report.Findings {
		if f := &e.report.Findings[i]; f.What == what && f.Result == result && f.Why == why {
			f.Count++
			return
		}
	}
	e.report.Findings = append(e.report.Findings, Finding{Seq: seq, Count: 1, What: what, Result: result, Why: why})
}

// empty says why a conversation has nothing to verify.
func (e *examiner) empty() {
	what := e.say("the conversation", "整个会话")
	switch {
	case e.foreign > 0 && e.last == "":
		e.find(1, what, Unknown, e.say("these are frames of another system (JIS X 6319-4) and no APDUs: no keys are known for its issuer", "这是其他制式（JIS X 6319-4）的帧而不是APDU：没有其发卡方的密钥"))
	case e.lost > 0:
		e.find(1, what, Nothing, e.say("the card left before it had proved anything", "卡片在给出任何证明之前离开"))
	case e.last == "":
		e.find(1, what, Nothing, e.say("nothing in it stands under a key: directories and files that anybody may read", "其中没有任何受密钥保护的数据：只有可自由读取的目录和文件"))
	default:
		e.find(1, what, Nothing, fmt.Sprintf(e.say("directories, files, balances and logs that anybody may read carry no code; and no keys known for %s", "可自由读取的目录、文件、余额和日志不带验证码；也没有%s的密钥"), e.last))
	}
}

// step explains one exchange, and looks at what it proves.
func (e *examiner) step(x *recording.Exchange) Step {
	out := Step{Seq: x.Seq}
	if x.Reset() {
		e.leave()
		out.ATR = fmt.Sprintf("%X", x.ATR)
		return out
	}
	c, err := apdu.ParseCommand(x.Command)
	if err != nil {
		e.foreign++
		out.Note = fmt.Sprintf("%X -> %X: %s", x.Command, x.Response, e.say("not a command APDU", "不是命令APDU"))
		return out
	}
	command := x.Command
	continued := c.INS == 0xC0 && e.asked != nil
	if continued {
		command = e.asked
	}
	if x.Lost() {
		e.lost++
		out.Command, _, _ = describe.Exchange(x.Command, nil, e.o)
		out.Note = e.say("the card left before its answer was whole", "应答完整之前卡片离开")
		return out
	}
	data, sw, err := apdu.ParseResponse(x.Response)
	if err != nil {
		out.Command, _, _ = describe.Exchange(x.Command, nil, e.o)
		out.Note = fmt.Sprintf("%X: %v", x.Response, err)
		return out
	}
	asked, answered, err := describe.Exchange(command, x.Response, e.o)
	if continued {
		asked, _, err = describe.Exchange(x.Command, nil, e.o)
	}
	if out.Command, out.Response = asked, answered; err != nil {
		out.Note = err.Error()
	}
	e.follow(x.Seq, command, data, sw)
	return out
}

// follow joins answers that come in pieces and takes whole ones.
func (e *examiner) follow(seq int, command, data []byte, sw apdu.SW) {
	whole := append(e.partial, data...)
	e.asked, e.partial = nil, nil
	if byte(sw>>8) == 0x61 {
		e.asked, e.partial = bytes.Clone(command), whole
		// What a command has done is done, though its answer is yet to be fetched.
		return
	}
	c, err := apdu.ParseCommand(command)
	if err != nil {
		return
	}
	e.take(seq, c, whole, sw)
}

// take looks at a whole exchange.
func (e *examiner) take(seq int, c apdu.Command, data []byte, sw apdu.SW) {
	switch {
	case c.INS == 0xA4 && c.P1 == 0x04:
		e.selected(c.Data, data, sw)
	case c.INS == 0xA4:
		if df, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName); ok { // a DF by its file number
			e.selected(df, data, sw)
		}
	case c.INS == 0x50 && len(c.Data) == 8:
		e.openChannel(seq, sw)
	case e.channel != nil && c.CLA&0x04 != 0:
		e.find(seq, fmt.Sprintf(e.say("codes of the secure channel, %s", "安全通道MAC，%s"), name(c)), Unknown,
			fmt.Sprintf(e.say("no keys known for security domain %X", "没有安全域 %X 的密钥"), e.channel))
	case e.tradeOf(seq, c, data, sw):
	case c.CLA&0x0C == 0x04 && c.INS != 0x84:
		e.find(seq, fmt.Sprintf(e.say("MAC of the command %s", "命令 %s 的MAC"), name(c)), Unknown, e.noKeys())
	case c.CLA == 0x80 && c.INS == 0x2A && sw == apdu.SWOK:
		e.find(seq, e.say("card verification code of this payment (COMPUTE CRYPTOGRAPHIC CHECKSUM)", "本次交易的卡验证码（COMPUTE CRYPTOGRAPHIC CHECKSUM）"), Unknown, e.noKeys())
	case c.INS == 0x82:
		e.find(seq, e.say("cryptogram of EXTERNAL AUTHENTICATE", "外部认证密文"), Unknown, e.noKeys())
	default:
		e.objects(seq, c, data, sw)
	}
}

// name is the command's name, or its code where it has none.
func name(c apdu.Command) string {
	if n := c.Name(); n != "" {
		return n
	}
	return fmt.Sprintf("%02X", c.INS)
}

// openChannel notes a secure channel; its cryptograms are of the domain's keys.
func (e *examiner) openChannel(seq int, sw apdu.SW) {
	if sw != apdu.SWOK {
		return
	}
	e.channel = []byte{}
	if e.aid != nil {
		e.channel = e.aid
	}
	e.find(seq, e.say("card cryptogram of the secure channel", "安全通道卡片密文"), Unknown,
		fmt.Sprintf(e.say("no keys known for security domain %X", "没有安全域 %X 的密钥"), e.channel))
}

// selected leaves the application and begins another.
func (e *examiner) selected(name, fci []byte, sw apdu.SW) {
	e.leave()
	if sw != apdu.SWOK && sw != apdu.SWInvalidated && sw != 0x6A81 {
		return
	}
	e.aid = bytes.Clone(name)
	e.app.keep(fci)
	e.purse.information(fci)
}

// leave ends the application: what it proved is judged.
func (e *examiner) leave() {
	e.judge()
	if e.aid != nil || e.purse.known {
		e.last = e.issuer()
	}
	e.aid, e.app, e.purse, e.channel = nil, application{}, purse{}, nil
}

// noKeys says for whom keys are missing.
func (e *examiner) noKeys() string {
	return fmt.Sprintf(e.say("no keys known for %s", "没有%s的密钥"), e.issuer())
}

// issuer names the issuer as far as the conversation tells.
func (e *examiner) issuer() string {
	if pan, ok := e.app.pan(); ok {
		return e.say("issuer ", "发卡行 ") + pan.BIN()
	}
	if e.purse.known {
		return fmt.Sprintf(e.say("issuer %X of the purse", "钱包发卡方 %X "), e.purse.issuer)
	}
	if e.aid != nil {
		return fmt.Sprintf(e.say("the issuer of application %X", "应用 %X 的发卡方"), e.aid)
	}
	return e.say("its issuer, which the conversation does not name", "会话中未给出的发卡方")
}
