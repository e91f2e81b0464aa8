package purse_test

import (
	"testing"

	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
)

// TestMaster: the masters of a profile give the keys of its card, and there is none
// for a use, index or algorithm that it does not have.
func TestMaster(t *testing.T) {
	p, err := purse.Embedded("dev-tunion")
	if err != nil {
		t.Fatal(err)
	}
	spec := p.Spec(p.Card())
	var info []byte
	for _, f := range spec.Files {
		if f.SFI == 0x15 {
			info = f.Content
		}
	}
	words := map[purse.Use]string{purse.UsePurchase: "purchase", purse.UseLoad: "load", purse.UseTAC: "tac", purse.UseMaintenance: "maintenance", purse.UseUnload: "unload",
		purse.UseOverdraft: "overdraft", purse.UseReloadPIN: "reload-pin", purse.UseUnblockPIN: "unblock-pin", purse.UseExternal: "external", purse.UseInternal: "internal"}
	for _, k := range spec.Keys {
		master, ok := p.Master(words[k.Use], k.Index, k.Alg)
		if !ok || epurse.Diversify(k.Alg, master, epurse.Factor(info), epurse.Factor(info[12:])) != k.Value {
			t.Errorf("%s %02X: the master (%t) does not give the card's key", words[k.Use], k.Index, ok)
		}
	}
	for use, index := range map[string]byte{"purchase": 2, "": 1, "block": 1} {
		if _, ok := p.Master(use, index, epurse.TDES); ok {
			t.Errorf("a master for %q %02X", use, index)
		}
	}
	if _, ok := p.Master("unload", 1, epurse.SM4); ok {
		t.Error("a master of another algorithm")
	}
}
