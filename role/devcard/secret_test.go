package devcard_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/role/devcard"
)

// TestSecret: every kind of name gives a key of its own, and other names none.
func TestSecret(t *testing.T) {
	seen := map[cryptogram.Key]string{}
	for _, name := range []string{"record-15", "opening-15", "record-1E", "purse-load-01", "purse-tac-01", "purse-overdraft-01", "purse-block-01",
		"module-DF90-both-07", "module-8011-encipher-01", "social-security-02", "social-security-line", "beijing-tong-03", "civil-affairs-line", "disabled-persons-03"} {
		alg := cryptogram.TDES
		if _, ok := devcard.Secret(alg, name); !ok {
			alg = cryptogram.SM4
		}
		key, ok := devcard.Secret(alg, name)
		if !ok || key == (cryptogram.Key{}) {
			t.Errorf("%s: no key", name)
		}
		if other, twice := seen[key]; twice && !(name == "purse-load-01" || other == "purse-load-01") {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[key] = name
	}
	if module, _ := devcard.Secret(cryptogram.TDES, "module-DF14-mac-15"); module != devcard.RecordMaster(0x15) {
		t.Error("the module's key of metro records is not their master")
	}
	for _, name := range []string{"", "record", "record-XX", "record-115", "purse-load", "purse-load-77", "purse-nothing-01", "module-8011", "module-8011-purchase", "module-9999-mac-15",
		"module-8011-module-01", "social-security-99", "nobody-01", "social-security"} {
		if _, ok := devcard.Secret(cryptogram.TDES, name); ok {
			t.Errorf("%q has a key", name)
		}
		if _, ok := devcard.Secret(cryptogram.SM4, name); ok {
			t.Errorf("%q has an SM4 key", name)
		}
	}
}

// TestQuota: which profiles have a balance for fares alone.
func TestQuota(t *testing.T) {
	for name, want := range map[string]bool{"dev-quota": true, "dev-transit-sm": false, "dev-sm": false, "dev-tunion": false, "livelihood": false, devcard.Blank: false} {
		if got, err := devcard.Quota(name); err != nil || got != want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if _, err := devcard.Quota("platinum"); !errors.Is(err, devcard.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
}
