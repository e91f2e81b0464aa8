package purse

import (
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
)

// FaultCode says why a trade was not done. Numbers are for ever.
type FaultCode uint8

// The codes.
const (
	NoFault      FaultCode = 0
	BadAnswer    FaultCode = 1  // not a response APDU, or one of an impossible length
	BadStatus    FaultCode = 2  // a status word that ends the trade (Fault.SW)
	BadInfo      FaultCode = 3  // file 15 is missing or has no number of the network
	Blocked      FaultCode = 4  // the application or the card is blocked
	NotYetValid  FaultCode = 5  // file 15: valid from
	Expired      FaultCode = 6  // file 15: valid to
	NoFunds      FaultCode = 7  // 9401
	CounterSpent FaultCode = 8  // 9402, or the counter is at its end
	NoKey        FaultCode = 9  // 9403, or an algorithm that is not known
	ModuleFailed FaultCode = 10 // the security module did not do its part (Fault.Err)
	NotGenuine   FaultCode = 11 // TAC, MAC2 or the answer of a load is wrong
	WrongPIN     FaultCode = 12 // VERIFY was refused
	HostRefused  FaultCode = 13
	HostLost     FaultCode = 14 // the host could not be asked
)

var faultNames = [...]string{"none", "unusable answer", "status word", "file 15 has no card number", "card is blocked", "not yet valid",
	"expired", "not enough money", "counter at its end", "no common key", "security module failed", "not genuine", "wrong PIN", "declined by the issuer", "issuer not reached"}

var faultNamesZH = [...]string{"无", "应答无法使用", "状态字", "15文件中没有卡号", "卡片已锁定", "尚未生效",
	"已过期", "余额不足", "交易计数器已满", "没有共同密钥", "安全模块失败", "验证失败", "密码错误", "发卡方拒绝", "无法联机"}

// Name is the code in Chinese for lang "zh" and in English for any other.
func (c FaultCode) Name(lang string) string {
	switch {
	case int(c) >= len(faultNames):
		return "invalid"
	case lang == "zh":
		return faultNamesZH[c]
	}
	return faultNames[c]
}

// String is the code in English.
func (c FaultCode) String() string { return c.Name("en") }

// Fault is a code with what it is about.
type Fault struct {
	Code FaultCode
	SW   apdu.SW // the status word that was answered, 0 if it is not about one
	Err  error   // of ModuleFailed
}

// String gives e.g. "not enough money, 9401".
func (f Fault) String() string {
	s := f.Code.String()
	if f.SW != 0 {
		s += fmt.Sprintf(", %04X", uint16(f.SW))
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// status is the fault of a status word that refuses INITIALIZE, the cache or a debit.
func status(sw apdu.SW) Fault {
	f := Fault{Code: BadStatus, SW: sw}
	switch sw {
	case apdu.SWPurseFunds:
		f.Code = NoFunds
	case apdu.SWPurseCounter:
		f.Code = CounterSpent
	case apdu.SWPurseKeyIndex:
		f.Code = NoKey
	case apdu.SWPurseLocked:
		f.Code = Blocked
	}
	return f
}
