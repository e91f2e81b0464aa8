package stripe

import (
	"fmt"
	"log/slog"
)

var reasonTexts = [...][2]string{
	Usual:           {"send to the issuer", "发往发卡机构授权"},
	Fallback:        {"the chip does not answer: the stripe goes to the issuer, marked as fallback", "芯片无法读取，降级使用磁条，联机授权"},
	ChipFirst:       {"insert the chip", "请插入芯片"},
	ChipAgain:       {"the chip did not answer: insert it again", "芯片无应答，请重新插卡"},
	ChipDecides:     {"the chip transaction has ended: the stripe may not be used instead", "芯片交易已结束，不得改用磁条"},
	Blocked:         {"card or application is blocked", "卡片或应用已锁定"},
	NoCommon:        {"the chip has no application that is taken here", "芯片中没有本终端受理的应用"},
	FallbackRefused: {"the stripe of a chip card is not taken here", "本终端不受理芯片卡的磁条"},
	Expired:         {"the card has expired", "卡片已过有效期"},
	NoExpiry:        {"the track has no expiry date", "磁道无有效期"},
	UnknownService:  {"the service code has no meaning", "服务代码无效"},
	OnlyByAgreement: {"the card is for use by agreement only", "卡片仅限协议范围内使用"},
	TestOnly:        {"a test card", "测试卡"},
	NotForThis:      {"the service code does not allow this kind of transaction", "服务代码不允许此类交易"},
	NoPINPad:        {"a PIN is required and there is no PIN pad", "须输入密码，但没有密码键盘"},
	IssuerOffline:   {"the issuer cannot be asked, and a stripe is never taken offline", "无法联机，磁条不得脱机受理"},
}

// String is the reason in English.
func (r Reason) String() string {
	if int(r) >= len(reasonTexts) {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return reasonTexts[r][0]
}

// Chinese is the reason in Chinese.
func (r Reason) Chinese() string {
	if int(r) >= len(reasonTexts) {
		return fmt.Sprintf("原因 %d", uint8(r))
	}
	return reasonTexts[r][1]
}

var actionNames = [...]string{"", "refuse", "use the chip", "accept"}

// String is the action in words.
func (a Action) String() string {
	if int(a) >= len(actionNames) {
		return fmt.Sprintf("action %d", uint8(a))
	}
	return actionNames[a]
}

// String shows the masked account number only.
func (t Track1) String() string { return "track 1 of " + t.PAN.Masked() }

// Format writes String for every verb: a track holds secrets of the issuer.
func (t Track1) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalText gives String to encoding/json and others.
func (t Track1) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue gives String to slog.
func (t Track1) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String shows the masked account number only.
func (t Track2) String() string { return "track 2 of " + t.PAN.Masked() }

// Format writes String for every verb: a track holds secrets of the issuer.
func (t Track2) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalText gives String to encoding/json and others.
func (t Track2) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue gives String to slog.
func (t Track2) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String shows the masked account number only.
func (t Track3) String() string { return "track 3 of " + t.PAN.Masked() }

// Format writes String for every verb: a track holds secrets of the issuer.
func (t Track3) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalText gives String to encoding/json and others.
func (t Track3) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue gives String to slog.
func (t Track3) LogValue() slog.Value { return slog.StringValue(t.String()) }
