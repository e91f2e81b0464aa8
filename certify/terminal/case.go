package terminal

import (
	"slices"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/money"
)

// need is what a case cannot do without; the run skips it otherwise and says why.
type need uint32

const (
	needHost need = 1 << iota
	needSM
	needSDA
	needDDA
	needCDA
	needPlainPIN
	needEncipheredPIN
	needOnlinePIN
	needSignature
	needNoCVM
	needCash
	needLoad
	needDebitAir
	needStripe
	needChoice
	needAgain
	needPerson
	needQuiet // no random selection
	needHold
	needNoPurse
	needPurse
	needMemory
	needSerial
)

// Case is one conformance case: one transaction, or the same one a few times.
type Case struct {
	// ID is unique and permanent, lower case with hyphens.
	ID string
	// Name in a few words.
	Name certify.Text
	// Clause that is tested.
	Clause string
	// Purpose in one sentence, which says what is expected.
	Purpose certify.Text
	// Expected are the words of [Outcomes] of which a terminal that tells its outcome must
	// tell one.
	Expected []string

	needs need
	plan  plan
	judge func(*verdict)
}

// plan is what is played before the terminal.
type plan struct {
	face   Interface
	kind   Kind                   // "" is a purchase
	amount func(*Setup) money.Fen // nil: an amount below every limit; negative: the terminal has no such limit
	card   func(*spec)
	host   reply
	noHost bool // the terminal has no link to the issuer
	pins   []PINEntry
	choice int
	online bool
	again  bool
	t0     bool
	air    string // Transaction.OverAir
	times  int    // how often the transaction is made, with a new card each time; 0 is 1

	taps   []step      // at a gate: what is done with the case's cards, one after the other
	second func(*spec) // the second card of taps; nil: as the first
}

// end is how a case may end, in words of Outcomes.
func end(words ...string) []string { return words }

// follows is the end of a transaction that the terminal's own limits and action codes, or
// what it has and has not, decide.
var follows = end(offline, online, declined)

// step is one tap of a card at a gate.
type step struct {
	kind Kind
	card int // 0, or 1 for the second card
}

// steps are the transactions of one round.
func (p *plan) steps() []step {
	if len(p.taps) > 0 {
		return p.taps
	}
	if p.kind == "" {
		return []step{{kind: Purchase}}
	}
	return []step{{kind: p.kind}}
}

// Group is a set of cases about one thing.
type Group struct {
	Key   string
	Name  certify.Text
	Cases []Case
}

// groups in the order of a run.
var groups = []Group{
	{"select-air", certify.Text{EN: "Selection over the air", ZH: "非接触应用选择"}, selectAirCases},
	{"select-contact", certify.Text{EN: "Selection over the contacts", ZH: "接触式应用选择"}, selectContactCases},
	{"options", certify.Text{EN: "Processing options and PDOL", ZH: "取处理选项与 PDOL"}, optionsCases},
	{"limits", certify.Text{EN: "Contactless pre-processing", ZH: "非接触预处理"}, limitCases},
	{"qpboc", certify.Text{EN: "qPBOC transactions", ZH: "qPBOC 交易"}, qpbocCases},
	{"qpboc-data", certify.Text{EN: "qPBOC data and restrictions", ZH: "qPBOC 数据与限制"}, qpbocDataCases},
	{"fdda", certify.Text{EN: "qPBOC authentication (fDDA)", ZH: "qPBOC 脱机数据认证（fDDA）"}, fddaCases},
	{"transit", certify.Text{EN: "Transit cards in a shop", ZH: "公交卡在商户"}, transitCases},
	{"quota", certify.Text{EN: "Quota cards in a shop", ZH: "额度卡在商户"}, quotaCases},
	{"apps", certify.Text{EN: "Cards with several applications", ZH: "多应用卡"}, applicationCases},
	{"torn-air", certify.Text{EN: "Cards torn from the field", ZH: "非接触闪卡"}, tornAirCases},
	{"records", certify.Text{EN: "File locator and records", ZH: "文件定位与记录"}, recordCases},
	{"oda", certify.Text{EN: "Offline data authentication", ZH: "脱机数据认证"}, odaCases},
	{"restrictions", certify.Text{EN: "Processing restrictions", ZH: "处理限制"}, restrictionCases},
	{"cvm", certify.Text{EN: "Cardholder verification", ZH: "持卡人验证"}, cvmCases},
	{"risk", certify.Text{EN: "Terminal risk management", ZH: "终端风险管理"}, riskCases},
	{"action", certify.Text{EN: "Terminal action analysis", ZH: "终端行为分析"}, actionCases},
	{"gac", certify.Text{EN: "GENERATE AC", ZH: "生成应用密文"}, gacCases},
	{"online", certify.Text{EN: "Online and issuer authentication", ZH: "联机与发卡行认证"}, onlineCases},
	{"script", certify.Text{EN: "Issuer scripts", ZH: "发卡行脚本"}, scriptCases},
	{"cash", certify.Text{EN: "Electronic cash over the contacts", ZH: "接触式电子现金"}, cashCases},
	{"load", certify.Text{EN: "Load and unload", ZH: "圈存与圈提"}, loadCases},
	{"torn-contact", certify.Text{EN: "Cards pulled out of the slot", ZH: "接触式拔卡"}, tornContactCases},
	{"other-air", certify.Text{EN: "Debit/credit and stripe data over the air", ZH: "非接触借贷记与磁条数据"}, otherAirCases},
	{"gate", certify.Text{EN: "Gates: journeys", ZH: "闸机：行程"}, gateCases},
	{"gate-shut", certify.Text{EN: "Gates: what must not open", ZH: "闸机：不得放行"}, gateShutCases},
	{"gate-purse", certify.Text{EN: "Gates: city purses", ZH: "闸机：城市钱包"}, gatePurseCases},
	{"gate-torn", certify.Text{EN: "Gates: torn cards", ZH: "闸机：闪卡"}, gateTornCases},
	{"transport", certify.Text{EN: "Transport and timing", ZH: "传输与时限"}, transportCases},
}

// Groups gives all groups and their cases in the order of a run. The caller owns the slice.
func Groups() []Group { return slices.Clone(groups) }

// small is an amount below every limit, and not the one yuan of a status check.
func small(*Setup) money.Fen { return 5_67 }

// missing says why a case is left out; empty if it is not.
func (c *Case) missing(s *Setup) certify.Text {
	if why := c.elsewhere(s); why.EN != "" {
		return why
	}
	if c.plan.face == Contact && !s.Contact {
		return certify.Text{EN: "the terminal has no contact slot", ZH: "终端没有接触式读卡器"}
	}
	if c.plan.face == Contactless && !s.Contactless {
		return certify.Text{EN: "the terminal has no contactless reader", ZH: "终端没有非接触读卡器"}
	}
	for _, n := range []struct {
		bit need
		has bool
		why certify.Text
	}{
		{needHost, s.Host, certify.Text{EN: "the issuer of the run is not reached by the terminal", ZH: "终端未连接测试发卡行"}},
		{needSM, s.SM, certify.Text{EN: "the terminal has no SM2 and SM4", ZH: "终端不支持国密算法"}},
		{needSDA, s.SDA, certify.Text{EN: "the terminal has no SDA", ZH: "终端不支持 SDA"}},
		{needDDA, s.DDA, certify.Text{EN: "the terminal has no DDA", ZH: "终端不支持 DDA"}},
		{needCDA, s.CDA, certify.Text{EN: "the terminal has no CDA", ZH: "终端不支持 CDA"}},
		{needPlainPIN, s.PlainPIN, certify.Text{EN: "the terminal has no offline plain PIN", ZH: "终端不支持脱机明文密码"}},
		{needEncipheredPIN, s.EncipheredPIN, certify.Text{EN: "the terminal has no offline enciphered PIN", ZH: "终端不支持脱机密文密码"}},
		{needOnlinePIN, s.OnlinePIN, certify.Text{EN: "the terminal has no online PIN", ZH: "终端不支持联机密码"}},
		{needSignature, s.Signature, certify.Text{EN: "the terminal has no signature", ZH: "终端不支持签名"}},
		{needNoCVM, s.NoCVM, certify.Text{EN: "the terminal has no transactions without verification", ZH: "终端不支持无需验证"}},
		{needCash, s.CashLimit > 0, certify.Text{EN: "the terminal has no electronic cash over the contacts", ZH: "终端不支持接触式电子现金"}},
		{needLoad, s.Load, certify.Text{EN: "the terminal does not load", ZH: "终端不支持圈存"}},
		{needDebitAir, s.DebitOverAir, certify.Text{EN: "the terminal has no debit/credit over the air", ZH: "终端不支持非接触借贷记"}},
		{needStripe, s.Stripe, certify.Text{EN: "the terminal has no stripe data over the air", ZH: "终端不支持非接触磁条数据"}},
		{needChoice, s.Choice, certify.Text{EN: "the terminal does not let the cardholder choose", ZH: "终端不支持持卡人选择应用"}},
		{needAgain, s.Again, certify.Text{EN: "the terminal does not finish torn transactions", ZH: "终端不处理闪卡重刷"}},
		{needPerson, s.Person, certify.Text{EN: "nobody is there to enter a wrong PIN or none", ZH: "无人输入错误密码或放弃输入"}},
		{needHold, s.Hold, certify.Text{EN: "the terminal holds no amounts", ZH: "终端不做预授权"}},
		{needNoPurse, !s.Purse, certify.Text{EN: "the terminal takes city purses, and this one is empty", ZH: "终端受理城市钱包，而本卡钱包为空"}},
		{needPurse, s.Purse, certify.Text{EN: "the terminal takes no city purses", ZH: "终端不受理城市钱包"}},
		{needMemory, s.Remembers, certify.Text{EN: "the terminal does not remember torn cards from tap to tap", ZH: "终端不跨次记忆闪卡"}},
		{needSerial, s.Serial, certify.Text{EN: "the terminal does not compare the record's serial number with the card's number", ZH: "终端不核对记录序列号与卡号"}},
		{needQuiet, s.NoRandom, certify.Text{EN: "random selection for online processing is on", ZH: "终端开启了随机联机选择"}},
	} {
		if c.needs&n.bit != 0 && !n.has {
			return n.why
		}
	}
	if c.plan.amount != nil && c.plan.amount(s) < 0 {
		return certify.Text{EN: "the terminal has no limit of this kind", ZH: "终端未设置此类限额"}
	}
	return certify.Text{}
}

// elsewhere says why a case is not for such a terminal at all; empty if it is.
func (c *Case) elsewhere(s *Setup) certify.Text {
	for _, st := range c.plan.steps() {
		switch {
		case !st.kind.Journey() && s.journeys():
			return certify.Text{EN: "the terminal is a gate, not a shop's", ZH: "终端为闸机，不是商户终端"}
		case st.kind == Bus && !s.Bus:
			return certify.Text{EN: "the terminal is no bus validator", ZH: "终端不是公交车载机"}
		case (st.kind == Board || st.kind == Alight) && !s.Alight:
			return certify.Text{EN: "the terminal is no bus with two readers", ZH: "终端不是双读卡器公交"}
		case (st.kind == Entry || st.kind == Exit) && !s.Gate:
			return certify.Text{EN: "the terminal is no gate", ZH: "终端不是闸机"}
		}
	}
	return certify.Text{}
}
