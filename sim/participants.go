package sim

import (
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/store/books"
)

// issuerInfo is a card issuer of the city. Codes and BINs are those of the public
// UnionPay lists of 2014; who issues a city card here is our choice.
type issuerInfo struct {
	id         clearing.Participant
	bin        string
	digits     int // of the account number, check digit included
	code       string
	name, zh   string
	cardPrefix string
}

var issuers = [...]issuerInfo{
	{id: 1, bin: "621030", digits: 16, code: "04031000", name: "Bank of Beijing", zh: "北京银行"},
	{id: 2, bin: "621226", digits: 19, code: "01020000", name: "ICBC", zh: "工商银行"},
	{id: 3, bin: "621336", digits: 19, code: "01030000", name: "Agricultural Bank", zh: "农业银行"},
	{id: 4, bin: "621660", digits: 19, code: "01040000", name: "Bank of China", zh: "中国银行"},
}

// Acquirers and the network; their codes are ours.
const (
	metroAcquirer clearing.Participant = 11
	busAcquirer   clearing.Participant = 12
	network       clearing.Participant = 21
)

// Participant describes an institution for files and reports.
type Participant struct {
	ID       clearing.Participant
	Code     string // institution code, 8 digits
	Name, ZH string
	Role     string // issuer, acquirer, network
}

// cardCompany issues the city's T-Union purses and holds their float. Its numbers
// begin as those of JT/T 978, behind the zero that file 15 has before them; code
// and number range are ours.
var cardCompany = issuerInfo{id: 5, bin: "310310", digits: 19, code: "31031000", name: "Municipal card company", zh: "市政交通一卡通"}

// cardCompanyPrefix is what all numbers of its cards in the city begin with.
const cardCompanyPrefix = "31031048"

// participants lists the institutions of the city by number.
func (c *City) participants() []Participant {
	var out []Participant
	for _, i := range issuers {
		out = append(out, Participant{i.id, i.code, i.name, i.zh, "issuer"})
	}
	if c.opt.Mix.TUnion > 0 {
		i := &cardCompany
		out = append(out, Participant{i.id, i.code, i.name, i.zh, "issuer"})
	}
	return append(out,
		Participant{metroAcquirer, "48021001", "Metro acquirer", "轨道交通收单", "acquirer"},
		Participant{busAcquirer, "48021002", "Bus acquirer", "公交收单", "acquirer"},
		Participant{network, "48020000", "Switch network", "转接清算网络", "network"})
}

// busOperator stands in the books for the bus company; the fare book numbers the
// companies of the metro lines below it.
const busOperator fare.OperatorID = 100

const busName = "公交集团"

// shopOperator is the merchant behind the shop terminals of the injector.
const shopOperator fare.OperatorID = 101

// accounts implements clearing.Accounts.
type accounts struct{}

func institution(kind ledger.AccountKind, n uint16) ledger.AccountID {
	return books.Institution(kind, n)
}

func (accounts) Settlement(p clearing.Participant) ledger.AccountID {
	return institution(ledger.Settlement, uint16(p))
}
func (accounts) Acquirer(p clearing.Participant) ledger.AccountID {
	return institution(ledger.Acquirer, uint16(p))
}
func (accounts) Fees(p clearing.Participant) ledger.AccountID {
	return institution(ledger.Fee, uint16(p))
}
func (accounts) Operator(o fare.OperatorID) ledger.AccountID {
	return institution(ledger.Operator, uint16(o))
}
