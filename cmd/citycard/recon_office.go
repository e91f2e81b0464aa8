package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// officeFlags say which folder is worked on, with which keys, and when.
type officeFlags struct {
	city, keys, ca, passphraseFile, at string
}

func (f *officeFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.city, "city", "", "`folder` with city.db: of citycard day --out, or of a host that keeps its books")
	s.StringVar(&f.keys, "keys", "", "keystore `file` of the issuer and acquirer; without it the development keys")
	s.StringVar(&f.ca, "ca", "", "with --keys: `file` with CA public keys as JSON, for the cards' signatures")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "`file` that holds the passphrase of --keys")
	s.StringVar(&f.at, "at", "", "moment of the work at UTC+8, such as 2026-11-05 or 2026-11-05T10:00")
}

// open opens the folder.
func (f *officeFlags) open(ctx context.Context, env *environment) (*clerk.Office, error) {
	if f.city == "" {
		return nil, fail(exitUsage, errors.New("which city? --city is missing"), "give the folder that citycard day --out has left")
	}
	o := clerk.Options{Dir: f.city, Wall: time.Now().Unix()}
	var err error
	if f.at != "" {
		if o.At, err = parseMoment(f.at); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--at %s: want a day or a moment", f.at), "such as 2026-11-05 or 2026-11-05T10:00, at UTC+8")
		}
	}
	if o.Keys, err = f.officeKeys(env); err != nil {
		return nil, err
	}
	office, err := clerk.Open(ctx, o)
	switch {
	case errors.Is(err, clerk.ErrNoCity):
		return nil, fail(exitNotFound, err, "give the folder that citycard day --out has left, or that of a host")
	case errors.Is(err, clerk.ErrNoShards):
		return nil, fail(exitNotFound, err, "put the folder shards back beside city.db, from a copy")
	case errors.Is(err, clerk.ErrClosed):
		return nil, fail(exitUsage, fmt.Errorf("--at %s: %w", f.at, clerk.ErrClosed), "give a later moment, or leave --at away")
	case errors.Is(err, keystore.ErrNotFound):
		return nil, fail(exitFailed, err, "the keystore needs a key "+keystore.TokenName+" (use store-token): the one under which the folder was made")
	case errors.Is(err, sqlite.ErrLocked):
		return nil, fail(exitUnavailable, err, "try again when the other program has ended")
	case err != nil:
		return nil, fail(exitFailed, err, "check the folder and whether its disk has room; restore it from a copy if it is damaged")
	}
	return office, nil
}

// officeKeys are those of --keys, else the development keys behind their banner.
func (f *officeFlags) officeKeys(env *environment) (clerk.Keys, error) {
	if f.keys == "" {
		env.developmentBanner()
		cas, err := devkeys.CAKeys()
		return clerk.Development(cas), err
	}
	store, err := openKeystore(f.keys, f.passphraseFile)
	if err != nil {
		return clerk.Keys{}, err
	}
	if store.IsDevelopment() {
		env.developmentBanner()
	}
	k := clerk.Keys{Store: store}
	if f.ca != "" {
		text, err := readSmall(f.ca, tap.MaxCAFile)
		if err != nil {
			return k, cannotRead(err)
		}
		if k.CAs, err = tap.ParseCAKeys(text); err != nil {
			return k, fail(exitFailed, fmt.Errorf("%s: %w", f.ca, err), "citycard card profiles --json shows the form")
		}
	}
	return k, nil
}

// maxKeystore is the longest keystore file that is read.
const maxKeystore = 16 << 20

// openKeystore opens a keystore with the passphrase of a file, else of the environment.
func openKeystore(path, passphraseFile string) (*keystore.Store, error) {
	passphrase, err := passphrase(path, passphraseFile)
	if err != nil {
		return nil, err
	}
	file, err := readSmall(path, maxKeystore)
	if err != nil {
		return nil, cannotRead(err)
	}
	store, err := keystore.Open(file, passphrase)
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("%s: %w", path, err), "check the passphrase and the file")
	}
	return store, nil
}

// maxPassphrase is the longest file of a passphrase.
const maxPassphrase = 4096

func passphrase(of, file string) ([]byte, error) {
	p := []byte(os.Getenv(passphraseVariable))
	if file != "" {
		b, err := readSmall(file, maxPassphrase)
		if err != nil {
			return nil, cannotRead(err)
		}
		p = bytes.TrimRight(b, "\r\n")
	}
	if len(p) == 0 {
		return nil, fail(exitUsage, fmt.Errorf("no passphrase for keystore %s", of), "set "+passphraseVariable+" or give --passphrase-file")
	}
	return p, nil
}

// parseMoment reads a day (its end) or a moment at UTC+8.
func parseMoment(s string) (int64, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, txn.CityTime); err == nil {
		return t.Unix() + 86399, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, txn.CityTime); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, errors.New("no moment")
}

// parsePair reads two counters, four hexadecimal digits each: "0005-0007"; one alone
// stands for a break at the end of the timeline.
func parsePair(s string) (p, q uint16, err error) {
	one, two, both := strings.Cut(s, "-")
	a, err := strconv.ParseUint(one, 16, 16)
	if err == nil && both {
		var b uint64
		b, err = strconv.ParseUint(two, 16, 16)
		q = uint16(b)
	}
	if err != nil {
		return 0, 0, fail(exitUsage, fmt.Errorf("counters %.6q: want two of them", s), "give them as recon card and recon breaks show them, such as 0005-0007")
	}
	return uint16(a), q, nil
}

// pairText is the inverse of parsePair.
func pairText(p, q uint16) string {
	if q == 0 {
		return fmt.Sprintf("%04X", p)
	}
	return fmt.Sprintf("%04X-%04X", p, q)
}

// dayOnly is a moment as a date at UTC+8; empty for none.
func dayOnly(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).In(txn.CityTime).Format(time.DateOnly)
}

// momentText is a moment at UTC+8; empty for none.
func momentText(at int64) string {
	if at == 0 {
		return ""
	}
	return clockText(at)
}

// officeErrors give the exit code and the hint of what the office answers.
var officeErrors = []struct {
	err  error
	code int
	hint string
}{
	{clerk.ErrNoCard, exitNotFound, "check the number; a token is found by its first digits too, see recon breaks"},
	{recon.ErrUnknownCard, exitNotFound, "check the number; a token is found by its first digits too, see recon breaks"},
	{clerk.ErrAmbiguous, exitUsage, "give a token, or more of its digits"},
	{clerk.ErrCardName, exitUsage, "give a card number or a token; - reads it from standard input"},
	{clerk.ErrPage, exitUsage, "give the token that the page before ended with"},
	{clerk.ErrNoBreak, exitNotFound, "recon card shows the counters of its breaks"},
	{clerk.ErrPart, exitUsage, "add --part with one of the parts that recon card shows"},
	{clerk.ErrKind, exitUsage, "refunds: citycard recon refund approve; closings: citycard recon breaks approve; clerks: citycard recon clerk approve; steps of disputes: citycard recon dispute approve"},
	{clerk.ErrKeyFile, exitRefused, "give the key file of the clerk named by --by"},
	{sqlite.ErrNoClerk, exitNotFound, "citycard recon clerk list shows the clerks, recon clerk add enters one"},
	{sqlite.ErrClerkExists, exitRefused, "names and keys are used once, also after a clerk has left; choose others"},
	{sqlite.ErrNoProposal, exitNotFound, "citycard recon refund list shows the proposals"},
	{desk.ErrSamePerson, exitRefused, "another clerk must approve it, with a key of his own"},
	{desk.ErrExpired, exitRefused, "propose it again"},
	{desk.ErrDecided, exitRefused, "citycard recon refund list shows what became of it"},
	{desk.ErrChanged, exitRefused, "look at the card again, reject this proposal and make a new one"},
	{recon.ErrOtherAmount, exitRefused, "look at the card again, reject this proposal and make a new one"},
	{desk.ErrOpen, exitRefused, "approve or reject that one first"},
	{desk.ErrNothing, exitRefused, "recon card shows what is due, pending and open"},
	{timeline.ErrNothingDue, exitRefused, "recon card shows what is due and pending"},
	{recon.ErrFrozen, exitRefused, "explain the alarm first; the refund stays due"},
	{desk.ErrInactive, exitRefused, "a clerk who is at the desk must do it"},
	{desk.ErrSignature, exitFailed, "the records were altered: run citycard recon clerk audit"},
	{desk.ErrChain, exitFailed, "the records were altered: restore city.db from a copy and compare"},
	{clerk.ErrAudit, exitFailed, "the records were altered: restore city.db from a copy and compare"},
	{clerk.ErrAhead, exitUsage, "leave --at away; to look at a card, any later moment may be given"},
	{clerk.ErrOver, exitUsage, "leave --at away: what people do is dated by the clock"},
	{desk.ErrLast, exitRefused, "enter another clerk first: citycard recon clerk add"},
	{desk.ErrAdmission, exitRefused, "add --by and --by-key of a clerk who is there; another one approves it with citycard recon clerk approve"},
	{desk.ErrBackwards, exitUsage, "give a later moment with --at"},
	{desk.ErrName, exitUsage, "letters, digits, '-', '_' and '.', at most 40"},
	{desk.ErrReason, exitUsage, "give --reason, at most 500 characters on one line and without a whole card number"},
	{clerk.ErrNothingToPack, exitNotFound, "recon card shows the counters of the card"},
	{clerk.ErrBlockLost, exitNotFound, "put the folder blocks back beside city.db, from a copy; recon card shows which records can still be read"},
	{clerk.ErrBlockDamaged, exitFailed, "keep the folder as it is and restore that file from a copy; recon card shows which records still verify"},
	{seal.ErrKey, exitFailed, "give the acquirer's keystore with --keys; if it is the right one, restore that file from a copy"},
	{clerk.ErrNoRow, exitNotFound, "recon card shows the counters of the card; a dispute is about a row that was presented for payment"},
	{sqlite.ErrNoDispute, exitNotFound, "citycard recon dispute list shows the cases"},
	{sqlite.ErrDisputeExists, exitRefused, "citycard recon dispute list shows the case"},
	{clerk.ErrUnsigned, exitUsage, "give --by and --key of a clerk; citycard recon clerk add makes both"},
	{dispute.ErrEvidence, exitRefused, "recon card shows what is proved; give the reason that fits, or withdraw the case"},
	{dispute.ErrExpired, exitRefused, "citycard recon dispute list shows the deadlines"},
	{dispute.ErrStep, exitRefused, "citycard recon dispute list shows what may be done next"},
	{dispute.ErrTrade, exitRefused, "citycard recon dispute list shows what may be done next"},
	{dispute.ErrReason, exitUsage, "citycard recon dispute reasons lists the codes"},
	{dispute.ErrAmount, exitUsage, "give --amount in yuan, at most what is in dispute, or leave it out"},
	{dispute.ErrSubject, exitRefused, "what a customer lacks is refunded: citycard recon refund"},
	{dispute.ErrOrder, exitUsage, "give a later moment with --at"},
	{sqlite.ErrLocked, exitUnavailable, "try again when the other program has ended"},
	{shard.ErrAdopted, exitRefused, "nothing is left to do; citycard recon run judges the cards"},
	{shard.ErrOvertaken, exitUnavailable, "try again when the other program has ended; what was done stands"},
	{clerk.ErrNotSharded, exitRefused, "move them first: citycard recon shard"},
	{clerk.ErrHost, exitRefused, "citycard recon run works on the folder as it is"},
	{clerk.ErrUnfinished, exitRefused, "end the day with citycard day --resume first"},
	{shard.ErrDamaged, exitFailed, "restore the files of the folder shards from a copy, and do the same again"},
	{recon.ErrDamaged, exitFailed, "restore the folder from a copy; all other cards are judged"},
	{sqlite.ErrDamaged, exitFailed, "keep the folder as it is and restore city.db from a copy"},
}

// officeError dresses an answer of the office.
func officeError(err error) error {
	for _, e := range officeErrors {
		if errors.Is(err, e.err) {
			return fail(e.code, err, e.hint)
		}
	}
	return err
}
