package tap

import (
	"bytes"
	"fmt"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// As sets a till and a sale to what the terminal of a recording put into its
// commands, so that the recorded card hears what it heard then: applications, 9F66,
// country, currency, merchant, amount, time and unpredictable numbers. The floor limit
// and the application version are set so that the same bits of the TVR come out. What
// the recording does not tell stays as it is. It fails if a recorded value is
// impossible.
func As(r *recording.Session, c *pos.Config, s *pos.Sale) error {
	t := r.Terminal()
	takeNames(t.Names, c)
	for _, values := range []recording.Values{t.Options, t.First} {
		if err := takeValues(values, c, s); err != nil {
			return fmt.Errorf("take the values of the recorded terminal: %w", err)
		}
	}
	if v := t.Dynamic[tlv.TagUN]; len(v) == 4 {
		copy(s.Random[4:8], v)
	}
	if tvr := t.First[tlv.TagTVR]; len(tvr) == 5 {
		takeVerdict([5]byte(tvr), cardVersion(r), c)
	}
	if name := bytes.TrimRight(t.First[tlv.TagMerchantName], "\x00 "); t.First[tlv.TagMerchantName] != nil && len(name) <= 20 {
		c.EMV.Merchant = name
	}
	return nil
}

// Bits of the TVR (EMV Book 3, annex C5).
const (
	tvr2Version = 0x80
	tvr4Floor   = 0x80
)

// takeVerdict sets what decides on two bits of the TVR.
func takeVerdict(tvr [5]byte, version []byte, c *pos.Config) {
	for i := range c.EMV.Applications {
		a := &c.EMV.Applications[i]
		if tvr[3]&tvr4Floor != 0 {
			a.FloorLimit = 0
		}
		if tvr[1]&tvr2Version == 0 && len(version) == 2 {
			a.Version = [2]byte(version)
		}
	}
}

// cardVersion is 9F08 of the recorded card, nil if it gave none.
func cardVersion(r *recording.Session) []byte {
	for i := range r.Exchanges {
		data, _, err := apdu.ParseResponse(r.Exchanges[i].Response)
		if err != nil {
			continue
		}
		if v, ok := tlv.Find(data, tlv.TagRecordTemplate, tlv.TagVersionCard); ok {
			return v
		}
	}
	return nil
}

// Contact says that a recorded conversation was held over the contacts: it does not
// begin with the directory of the air.
func Contact(s *recording.Session) bool {
	for i := range s.Exchanges {
		if c, err := apdu.ParseCommand(s.Exchanges[i].Command); err == nil && c.INS == insSelect {
			return string(c.Data) != airDirectory
		}
	}
	return false
}

const airDirectory = "2PAY.SYS.DDF01"

// takeNames adds the applications that were selected and that the till does not take
// yet.
func takeNames(names [][]byte, c *pos.Config) {
	for _, name := range names {
		if len(name) < 5 || len(name) > 16 || takes(c, name) {
			continue
		}
		c.Kernel.AIDs = append(c.Kernel.AIDs, kernel.AID{Name: name})
		app := emv.Application{Name: name, Version: c.Kernel.AppVersion, FloorLimit: floorLimit, Actions: shopActions, CashLimit: cashLimit}
		c.EMV.Applications = append(c.EMV.Applications, app)
	}
}

func takes(c *pos.Config, name []byte) bool {
	for _, a := range c.Kernel.AIDs {
		if n := len(a.Name); n <= len(name) && string(name[:n]) == string(a.Name) && (a.Partial || n == len(name)) {
			return true
		}
	}
	return false
}

func takeValues(v recording.Values, c *pos.Config, s *pos.Sale) error {
	if b := v[tlv.TagTTQ]; len(b) == 4 {
		c.Kernel.TTQ, c.EMV.TTQ = [4]byte(b), [4]byte(b)
	}
	for _, field := range []struct {
		tag tlv.Tag
		to  []*[2]byte
	}{
		{tlv.TagTerminalCountry, []*[2]byte{&c.Kernel.Country, &c.EMV.Country}},
		{tlv.TagTransactionCurrency, []*[2]byte{&c.Kernel.Currency, &c.EMV.Currency}},
	} {
		if b := v[field.tag]; len(b) == 2 {
			for _, to := range field.to {
				*to = [2]byte(b)
			}
		}
	}
	if b := v[tlv.TagUN]; len(b) == 4 {
		copy(s.Random[:4], b)
	}
	if b := v[tlv.TagSMSupport]; len(b) == 1 {
		c.Kernel.SM, c.EMV.SM = b[0] == 1, b[0] == 1
	}
	if b := v[tlv.TagECTerminalIndicator]; len(b) == 1 {
		c.EMV.ElectronicCash = b[0] == 1
	}
	if b := v[tlv.TagAmountAuthorised]; len(b) == 6 {
		amount, err := money.FromN12(b)
		if err != nil {
			return err
		}
		s.Amount = amount
	}
	return takeTime(v, s)
}

// takeTime takes 9A and 9F21, which are noon if only the date was told.
func takeTime(v recording.Values, s *pos.Sale) error {
	date, clock := v[tlv.TagTransactionDate], v[tlv.TagTransactionTime]
	if len(date) != 3 {
		return nil
	}
	if len(clock) != 3 {
		clock = []byte{0x12, 0x00, 0x00}
	}
	at, err := time.ParseInLocation("060102150405", fmt.Sprintf("%X%X", date, clock), txn.CityTime)
	if err != nil {
		return fmt.Errorf("date %X, time %X: %w", date, clock, err)
	}
	s.Time = at.Unix()
	return nil
}
