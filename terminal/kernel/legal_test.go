package kernel

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
)

// TestLegalCards: what cards in use do differently must not cost their holders the pass.
func TestLegalCards(t *testing.T) {
	const track2 = "5710" + paperPAN + "D3012201000000 0F"
	first, second := [2]byte{1, 0x0C}, [2]byte{2, 0x0C}
	// options replaces an object of the answer to GET PROCESSING OPTIONS.
	options := func(t *testing.T, c *paperCard, old, new string) {
		c.gpo = cut(t, c.gpo, old, new)
		c.gpo[1] += byte(len(unhex(new)) - len(unhex(old)))
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, c *paperCard)
	}{
		{"no PSN anywhere", func(t *testing.T, c *paperCard) {
			options(t, c, "5F340101", "")
			c.records[first] = record("5A08" + paperPAN + "5F2403301231")
		}},
		{"no 9F6C", func(t *testing.T, c *paperCard) { options(t, c, "9F6C020000", "") }},
		{"no service code and no F on track 2", func(t *testing.T, c *paperCard) {
			options(t, c, track2, "570B"+paperPAN+"D3012F")
			c.records[first] = record("5A08" + paperPAN + "5F2403301231 5F30020220")
		}},
		{"track 2 of an odd number of digits, more than one F", func(t *testing.T, c *paperCard) {
			options(t, c, track2, "5710"+paperPAN+"D301222012345FFF")
		}},
		{"track 2 without discretionary data", func(t *testing.T, c *paperCard) { options(t, c, track2, "570C"+paperPAN+"D3012220") }},
		{"5F24 on another day of the month", func(t *testing.T, c *paperCard) {
			c.records[first] = record("5A08" + paperPAN + "5F2403301201 5F25032001015F340101")
		}},
		{"5F30 as on track 2", func(t *testing.T, c *paperCard) {
			c.records[second] = record("8F0139 9003111111 9F4603222222 9F08020030 5F30020201")
		}},
		{"5A filled up with F", func(t *testing.T, c *paperCard) {
			c.records[first] = record("5A0A" + paperPAN + "FFFF 5F2403301231 5F340101")
		}},
		{"57 and 5F34 again in a record", func(t *testing.T, c *paperCard) {
			c.records[first] = record("5A08" + paperPAN + "5F2403301231 5F340101" + track2)
		}},
		{"an account number of 19 digits", func(t *testing.T, c *paperCard) {
			options(t, c, track2, "57126228000100001117123D3012201000000000")
			c.records[first] = record("5A0A6228000100001117123F 5F2403301231 5F340101")
		}},
		{"bytes 00 between the objects of a record", func(t *testing.T, c *paperCard) {
			c.records[second] = record("0000 8F0139 00 9003111111 9F4603222222 9F08020030 00")
		}},
		{"files above 10", func(t *testing.T, c *paperCard) {
			options(t, c, paperAFL, "5801020210010100")
			c.records[[2]byte{1, 0x5C}], c.records[[2]byte{2, 0x5C}] = c.records[first], c.records[second]
		}},
		{"a name that is empty", func(t *testing.T, c *paperCard) {
			c.records[first] = record("5A08" + paperPAN + "5F2403301231 5F340101 5F2000 9F1F00")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := newPaperCard()
			c.change(t, card)
			if out := tap(t, testConfig(&verdict{reason: oda.OK}), card); out.Result != Approved || !out.CADChecked {
				t.Errorf("%v, %v", out.Result, out.Fault)
			}
		})
	}
}

// TestRecordedQuasiCredit plays the answers of a quasi-credit card of 2020 that was read
// with a telephone (GitHub nfcim/nfsee; its account number is altered there): a name of 26
// spaces, 9F50, an ARQC of a new card.
func TestRecordedQuasiCredit(t *testing.T) {
	card := newPaperCard()
	card.ppse = unhex("6F36840E325041592E5359532E4444463031A524BF0C21611F4F08A000000333010103501050424F432051554153494352454449548701019000")
	card.fci = unhex("6F498408A000000333010103A53D501050424F432051554153494352454449548701019F38189F66049F02069F03069F1A0295055F2A029A039C019F37045F2D027A68BF0C059F4D020B0A9000")
	card.gpo = unhex("77818182027C009F3602000357136259070000006890D24012010000000000000F9F1013070A0103A01000010A010000000000C270FA1C9F26089249132C6828543B9F63103031303433333230000000000000A0005F3401009F6C0220009F50060000000000005F201A" +
		"2020202020202020202020202020202020202020202020202020" + "9000")
	cfg := testConfig(&verdict{})
	cfg.TTQ = [4]byte{0x26, 0, 0, 0}
	m := newMachine(t, cfg, Input{Amount: 1, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, Time: 1585584000})
	out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
	if want := unhex("80A8000023832126000000000000000001000000000000015600000000000156200331001122334400"); !bytes.Equal(card.sent[2], want) {
		t.Errorf("GPO is %X\nwant   %X", card.sent[2], want)
	}
	if out.Result != OnlineRequired || out.Reason != txn.OnlineAsked || out.CVM != NoCVM || out.Data.ATC != 3 || out.Data.Card.PSN != 0 {
		t.Errorf("%v, %v, %v", out.Result, out.Fault, out.Data)
	}
}
