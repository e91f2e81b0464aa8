package pboc

import (
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
)

// Keys are the card's own symmetric keys (JR/T 0025.7). They redact themselves.
type Keys struct {
	AC  cryptogram.Key // application cryptograms
	MAC cryptogram.Key // balance in 9F10, script MAC
	ENC cryptogram.Key // enciphered script data

	DCVN cryptogram.Key // check values of magnetic stripe data; zero without MSD
}

// RecordData is a record and what READ RECORD answers for it.
type RecordData struct {
	Record
	// Body is the whole answer, template 70 included; for the last record of
	// the AFL it is the inside of the template, to which the card may add 9F69.
	Body []byte
}

// Card is one personalised card. It is immutable; its changing data is in the
// memory of the chip.
type Card struct {
	Product *Product
	Track2  []byte            // 57
	PSN     byte              // 5F34
	Name    []byte            // 5F20, may be empty
	Records []RecordData      // all records of the application's files
	Keys    Keys              // symmetric keys
	Signer  oda.DynamicSigner // private key of the certificate in 9F46
	Opening money.Fen         // 9F79 when issued, fen

	// The rest is used if the product has a contact side.

	// PIN is the reference PIN, ISO 9564 format 2; all zero for none.
	PIN oda.PINBlock
	// PINSigner opens enciphered PINs; nil: VERIFY takes plain ones only. With the
	// second set of algorithms its Signer opens them, if it can.
	PINSigner oda.PINDecipherer
	// Alternative are the keys of Product.Alternative.
	Alternative *Secrets
	// SecondOpening is DF79 when issued, in hundredths of the second currency.
	SecondOpening money.Fen
	// Transit is what a card with Product.Extension holds; nil for others.
	Transit *TransitData
}

const withheld = "[card, data withheld]"

// Format answers every verb of fmt with a fixed text: tracks and records hold
// the account number.
func (Card) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Card) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Card) LogValue() slog.Value { return slog.StringValue(withheld) }

// Format answers every verb of fmt with a fixed text.
func (RecordData) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (RecordData) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (RecordData) LogValue() slog.Value { return slog.StringValue(withheld) }

// Check tells whether the parts fit each other: the records of all AFLs are there,
// an answer fits its size, the opening balance is within 9F77.
func (c *Card) Check() error {
	if c.Product == nil || c.Product.pdol.length == 0 {
		return fmt.Errorf("card without a prepared product")
	}
	if c.Signer == nil {
		return fmt.Errorf("card without a private key for 9F4B")
	}
	if err := checkSignature(c.Signer); err != nil {
		return err
	}
	if n := len(c.Track2); n == 0 || n > 19 {
		return fmt.Errorf("57 of %d bytes, want 1 to 19", n)
	}
	if len(c.Name) > 26 {
		return fmt.Errorf("5F20 of %d bytes, at most 26 are possible", len(c.Name))
	}
	if c.Opening < 0 || c.Opening > c.Product.Limits.Balance {
		return fmt.Errorf("opening balance %v yuan is outside 0 to %v (9F77)", c.Opening, c.Product.Limits.Balance)
	}
	for i := range c.Records {
		r := &c.Records[i]
		room := MaxAnswer
		if c.Product.commits(r.Record) {
			room -= 3 + len9F69
		}
		if len(r.Body) > room {
			return fmt.Errorf("record %d of file %d has %d bytes, at most %d fit an answer", r.Number, r.SFI, len(r.Body), room)
		}
	}
	if r, _ := c.record(c.Product.last[0]); r == nil {
		return fmt.Errorf("record %d of file %d, the last of the AFL, is missing", c.Product.last[0].Number, c.Product.last[0].SFI)
	}
	if err := c.checkRecords("qPBOC", c.Product.AFL); err != nil {
		return err
	}
	if err := c.checkTransit(); err != nil {
		return err
	}
	return c.checkContact()
}

// record finds a record; fileKnown tells whether its file exists at all.
func (c *Card) record(want Record) (r *RecordData, fileKnown bool) {
	for i := range c.Records {
		r := &c.Records[i]
		if r.Record == want {
			return r, true
		}
		fileKnown = fileKnown || r.SFI == want.SFI
	}
	return nil, fileKnown
}

// The methods below make a Card a cos.Template.

// AID is the application's name.
func (c *Card) AID() []byte { return c.Product.AID }

// MemorySize is how many bytes of memory the card's application needs.
func (c *Card) MemorySize() int { return c.Product.MemorySize() }

// extensionJournal is room for a payment and all that waits in the cache of the
// extension, where there are no scripts.
const extensionJournal = 1024

// JournalSize is what a payment takes, or a record that a script changes.
func (c *Card) JournalSize() int {
	switch p := c.Product; {
	case p.Contact != nil:
		return cos.MaxJournal
	case p.Extension != nil:
		return extensionJournal
	}
	return cos.JournalSize
}

// CheckMemory fails with cos.ErrMemory if b is not a possible state of the card.
func (c *Card) CheckMemory(b []byte) error {
	_, err := c.Product.Decode(b)
	return err
}

// Place gives the running application over its memory, reusing old if it can.
func (c *Card) Place(p cos.Partition, old cos.Application) cos.Application {
	a, ok := old.(*App)
	if !ok {
		a = &App{}
	}
	a.Insert(c, p)
	return a
}
