package lint

import "slices"

// A Row says what the packages of a folder may import besides the standard
// library. The row with the longest fitting folder counts.
type Row struct {
	Folder  string   // "wire/tlv", or "clearing/..." for it and all below it
	Own     []string // packages of this module; "x/..." for x and all below, "-x" takes out again
	Modules []string // modules of others
	Why     string
}

// Modules of others, by what they give.
const (
	modSM       = "github.com/emmansun/gmsm"
	modBigMod   = "filippo.io/bigmod"
	modXCrypto  = "golang.org/x/crypto"
	modXSync    = "golang.org/x/sync"
	modYAML     = "go.yaml.in/yaml/v3"
	modSQLite   = "zombiezen.com/go/sqlite"
	modCobra    = "github.com/spf13/cobra"
	modProgress = "github.com/schollz/progressbar/v3"
	modXTerm    = "golang.org/x/term"
	modCmp      = "github.com/google/go-cmp"
	modRapid    = "pgregory.net/rapid"
	modData     = "github.com/cockroachdb/datadriven"
	modScript   = "github.com/rogpeppe/go-internal"
)

// libraries are what every stage may use. Development keys and the data of one
// city are not among them: whoever wires the stages hands those in.
var libraries = []string{
	"money", "txn", "wire/...", "crypt/...", "-crypt/oda/devkeys/...", "ledger", "fare", "terminal/kernel/...",
}

// stages are the parts of the road. None imports another; a port of its own
// stands in for what it needs from the others.
var stages = []string{
	"card/...", "terminal/...", "acquirer/...", "network/...", "clearing/...", "beps/...", "issuer/...", "recon/...", "identity/...",
}

// everything is for those that put the parts together.
var everything = slices.Concat(libraries, stages, []string{"crypt/oda/devkeys", "fare/...", "store/...", "bus/..."})

// Table is the import table of the house.
var Table = []Row{
	{"money", nil, nil, "everything stands on it"},
	{"txn", []string{"money"}, nil, "records that travel must be readable by every stage"},

	{"wire/tlv", []string{"money"}, nil, "lowest of the wire packages"},
	{"wire/apdu", []string{"money", "wire/tlv"}, nil, "above tlv"},
	{"wire/tlv/describe", []string{"money", "wire/tlv", "wire/apdu", "wire/journey"}, nil, "explains them, so it is above them"},
	{"wire/block", []string{"money"}, nil, "stands alone"},
	{"wire/files", []string{"money"}, nil, "stands alone"},
	{"wire/journey", []string{"money"}, nil, "stands alone"},
	{"wire/vpcd", []string{"money"}, nil, "stands alone"},
	{"wire/pcsc", []string{"money"}, nil, "stands alone"},

	{"crypt", nil, nil, "holds the tests with published vectors only"},
	{"crypt/cryptogram", []string{"money", "wire/tlv"}, []string{modSM}, "lowest of the crypt packages"},
	{"crypt/oda", []string{"money", "wire/tlv"}, []string{modSM, modBigMod}, "certificates and signatures"},
	{"crypt/oda/devkeys", []string{"crypt/oda"}, []string{modSM}, "development keys, above what they are keys for"},
	{"crypt/oda/devkeys/gen", nil, nil, "program that makes the development keys"},
	{"crypt/scp", []string{"money", "wire/tlv", "wire/apdu", "crypt/cryptogram"}, nil, "secure channels wrap commands"},
	{"crypt/pin", []string{"money", "wire/tlv", "crypt/cryptogram"}, []string{modSM}, "PIN blocks and verification values"},
	{"crypt/epurse", []string{"money", "wire/tlv", "crypt/cryptogram"}, []string{modSM}, "keys and MACs of electronic purses"},
	{"crypt/keystore", []string{"money", "wire/tlv", "crypt/cryptogram", "crypt/epurse", "crypt/oda", "crypt/oda/devkeys"}, []string{modSM, modXCrypto}, "holds the keys of all the others"},
	{"crypt/seal", []string{"money", "wire/tlv", "wire/block", "crypt/oda"}, []string{modSM}, "seals the blocks that wire/block lays out"},
	{"crypt/sealfile", []string{"money", "wire/tlv", "crypt/oda"}, []string{modSM}, "seals files of any content"},
	{"crypt/party", []string{"crypt/oda"}, []string{modSM}, "X.509 certificates of the parties"},

	{"ledger", []string{"money", "txn"}, nil, "pure state machine"},
	{"fare", []string{"money", "txn"}, nil, "pure functions of a rule book"},
	{"fare/beijing", []string{"fare", "money", "txn"}, nil, "the embedded rule book of one city"},
	{"terminal/kernel/...", []string{"money", "txn", "wire/...", "crypt/...", "-crypt/oda/devkeys/...", "terminal/kernel/..."}, nil, "libraries: they may not know the terminal around them"},

	{"card/...", slices.Concat(libraries, []string{"card/..."}), nil, "stage"},
	{"card/fault", slices.Concat(libraries, []string{"card/...", "internal/strictyaml"}), []string{modYAML}, "scripts of faults are YAML files that people write"},
	{"card/civic/...", slices.Concat(libraries, []string{"card/...", "internal/strictyaml"}), []string{modYAML}, "partitions and their files are YAML files that people write"},
	{"card/purse", slices.Concat(libraries, []string{"card/...", "internal/strictyaml"}), []string{modYAML}, "profiles of purses are YAML files that people write"},
	{"card/psam", slices.Concat(libraries, []string{"card/...", "internal/strictyaml"}), []string{modYAML}, "profiles of PSAMs are YAML files that people write"},
	{"card/perso", slices.Concat(libraries, []string{"card/...", "internal/strictyaml"}), []string{modYAML}, "profiles of cards are YAML files that people write"},
	{"terminal/...", slices.Concat(libraries, []string{"terminal/..."}), nil, "stage; gate uses fare, journal uses gate"},
	{"acquirer/...", slices.Concat(libraries, []string{"acquirer/..."}), nil, "stage"},
	{"network/...", slices.Concat(libraries, []string{"network/..."}), nil, "stage"},
	{"clearing/...", slices.Concat(libraries, []string{"clearing/..."}), []string{modSM}, "stage; SM3 names a presentment, a posting and a file"},
	{"clearing/t1", slices.Concat(libraries, []string{"clearing/...", "crypt/oda/devkeys"}), []string{modSM}, "files are sealed for participants, whose development keys follow from the development label"},
	{"beps/...", slices.Concat(libraries, []string{"beps/..."}), nil, "stage"},
	{"issuer/...", slices.Concat(libraries, []string{"issuer/..."}), []string{modSM}, "stage; SM3 makes the permanent id of a posting"},
	{"recon/...", slices.Concat(libraries, []string{"recon/..."}), nil, "stage; never the simulator, which knows the truth that recon must find"},
	{"recon/evidence", slices.Concat(libraries, []string{"recon/..."}), []string{modSM}, "SM3 names the members of an evidence pack"},
	{"recon/foreign", slices.Concat(libraries, []string{"recon/...", "internal/strictyaml"}), []string{modYAML}, "mappings of foreign files are YAML files that people write"},
	{"identity/...", slices.Concat(libraries, []string{"identity/..."}), nil, "stage"},

	{"store/migrate", nil, nil, "runs numbered SQL files on any engine"},
	{"store/segment", nil, nil, "append-only files of opaque blocks"},
	{"store/contract", everything, []string{modCmp}, "tests that every engine must pass, called from the engines' tests"},
	{"store/sqlite", slices.Concat(libraries, stages, []string{"-card/...", "-terminal/...", "terminal/kernel", "store/migrate", "store/segment"}), []string{modSQLite}, "implements the ports of the stages, so it must see the types in them; no stage sees it"},

	{"store/shard", slices.Concat(libraries, []string{"recon/...", "store/sqlite"}), nil, "timelines of a large city in files, what is exceptional in the database beside them"},
	{"store/books", slices.Concat(libraries, []string{"issuer", "recon/...", "store/sqlite"}), nil, "books what reconciliation decides, with the same transaction"},

	{"sim", slices.Concat(everything, []string{"sim/...", "-sim/demand/gen"}), []string{modSM, modXSync}, "puts a whole city together; SM4 for the tokens of its vault"},
	{"sim/demand", libraries, []string{modXSync}, "where people go does not depend on how they pay"},
	{"sim/demand/gen", []string{"sim/demand"}, nil, "program that fits the demand"},
	{"sim/oracle", []string{"money", "txn", "crypt/cryptogram"}, nil, "judges recon and clearing, so it may share no code with them"},
	{"sim/oracle/agree", nil, nil, "tests only: reconciliation and its judge side by side"},
	{"sim/sample", slices.Concat(libraries, []string{"sim/oracle"}), nil, "foreign files with a truth of its own; of reconciliation it sees the judge only"},
	{"sim/trial", slices.Concat(libraries, []string{"issuer", "recon/...", "sim/oracle"}), []string{modXSync}, "lives that go wrong, reconciliation and its judge side by side"},
	{"sim/report", libraries, nil, "plain values in, one page out"},

	{"certify/...", slices.Concat(libraries, []string{"certify/..."}), nil, "judges cards and terminals, so it shares no code with them"},

	{"role/...", slices.Concat(everything, []string{"role/...", "certify/...", "internal/...", "-internal/lint/..."}), []string{modYAML, modXSync}, "wires one stage to its store, clock and links"},
	{"cmd/citycard", slices.Concat(everything, []string{"sim", "sim/demand", "sim/report", "sim/sample", "sim/trial", "certify/...", "role/...", "internal/...", "-internal/lint/..."}), []string{modCobra, modProgress, modXTerm}, "the only program for users"},
	{"internal/strictyaml", nil, []string{modYAML}, "reads what people write, and knows nothing of what it means"},
	{"internal/lint/...", []string{"internal/lint"}, nil, "judges the others, so it uses none of them"},
	{"internal/pcsctest/...", nil, nil, "starts a smart card service for tests, and knows no card"},
	{"bench", nil, nil, "runs the benchmarks and writes down the results"},
}

// testModules may be imported by the tests of any package, besides the modules
// of the package itself.
var testModules = []string{modCmp, modRapid, modData, modScript, modSM, modBigMod, modXCrypto}

// testBans are the few packages of this module that tests may not import either.
// All else is open to them: a test may put two stages together.
var testBans = []Row{
	{"recon/...", []string{"sim/..."}, nil, "a detector is never shown what the simulator did"},
	{"clearing/...", []string{"sim/..."}, nil, "a detector is never shown what the simulator did"},
	{"sim/oracle", []string{"recon/...", "clearing/..."}, nil, "the oracle may not learn from those it judges"},
	{"sim/...", []string{"cmd/..."}, nil, "the simulator does not know its command line"},
}
