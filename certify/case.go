package certify

import "slices"

// need is what a case cannot do without; the run skips it otherwise and says why.
type need uint32

const (
	needContactless need = 1 << iota // qPBOC over the air
	needContact                      // an application with contact processing options
	needCash                         // electronic cash to spend
	needOptions                      // 9F68 and limits readable, so that decisions can be foreseen
	needCA                           // CA public keys
	needKeys                         // the issuer's keys
	needPIN                          // the PIN, and tries to spare
	needDestructive                  // Options.Destructive
	needManager                      // a GlobalPlatform card manager
	needApplication                  // an application that can be selected
	needTransit                      // the low-value extension
	needJourney                      // a journey record that was found
	needQuota                        // a balance that only fares spend
	needSecrets                      // keys beside those of the finance application
	needPurse                        // an electronic purse
	needPursePIN                     // the PIN of purse and partitions
	needModule                       // a purchase secure access module
	needCivic                        // a social security application
	needSeveral                      // several applications
	needSacrifice                    // Options.Sacrifice
)

// Case is one conformance case.
type Case struct {
	// ID is unique and permanent, lower case with hyphens.
	ID string
	// Name in a few words.
	Name Text
	// Clause that is tested.
	Clause string
	// Purpose in one sentence.
	Purpose Text

	needs need
	run   func(*session)
}

// Group is a set of cases about one thing.
type Group struct {
	Key   string
	Name  Text
	Cases []Case
}

// groups in the order of a run: what only looks comes first, what changes the card
// last.
var groups = []Group{
	{"reset", Text{"Reset and command habits", "复位与命令规范"}, resetCases},
	{"select", Text{"Application selection", "应用选择"}, selectCases},
	{"fci", Text{"File control information", "文件控制信息"}, fciCases},
	{"gpo", Text{"Processing options", "取处理选项"}, gpoCases},
	{"record", Text{"File locator and records", "文件定位与记录"}, recordCases},
	{"element", Text{"Data elements in records", "记录中的数据元"}, elementCases},
	{"oda", Text{"Offline data authentication", "脱机数据认证"}, odaCases},
	{"cryptogram", Text{"Cryptograms and 9F10", "应用密文与 9F10"}, cryptogramCases},
	{"decision", Text{"qPBOC card decision", "qPBOC 卡片决策"}, decisionCases},
	{"cash", Text{"Electronic cash and tearing", "电子现金与拔卡"}, cashCases},
	{"data", Text{"GET DATA", "取数据"}, dataCases},
	{"log", Text{"Transaction and load logs", "交易日志与圈存日志"}, logCases},
	{"contact", Text{"Contact processing", "接触式交易"}, contactCases},
	{"gac", Text{"GENERATE AC", "生成应用密文"}, gacCases},
	{"auth", Text{"Issuer and card authentication, PIN", "发卡行与卡片认证、个人密码"}, authCases},
	{"ec", Text{"Electronic cash over contacts", "接触式电子现金"}, ecCases},
	{"second", Text{"Second currency", "第二币种"}, secondCases},
	{"msd", Text{"Magnetic stripe path", "非接触磁条数据"}, msdCases},
	{"journey", Text{"Journey records", "行程记录"}, journeyCases},
	{"update", Text{"Changes of journey records", "行程记录更新"}, updateCases},
	{"fare", Text{"Fares with journey records", "分段扣费"}, fareCases},
	{"deposit", Text{"Fares beyond the balance", "透支抵扣"}, depositCases},
	{"hold", Text{"Pre-authorisation", "脱机预授权"}, holdCases},
	{"quota", Text{"Quota", "额度卡"}, quotaCases},
	{"push", Text{"Push PUT DATA", "推送设置数据"}, pushCases},
	{"purse", Text{"Electronic purse: purchases", "电子钱包：消费"}, purseCases},
	{"compound", Text{"Electronic purse: compound purchases", "电子钱包：复合消费"}, compoundCases},
	{"issuer", Text{"Electronic purse: loads, PIN and line", "电子钱包：圈存、密码与线路保护"}, issuerCases},
	{"module", Text{"Purchase secure access module", "消费安全存取模块"}, moduleCases},
	{"civic", Text{"Public service applications", "民生应用"}, civicCases},
	{"firewall", Text{"Between applications", "应用间隔离"}, firewallCases},
	{"gp", Text{"Card manager", "卡片管理器"}, gpCases},
	{"robust", Text{"Malformed commands", "异常命令"}, robustCases},
	{"script", Text{"Issuer scripts", "发卡行脚本"}, scriptCases},
}

// Groups gives all groups and their cases in the order of a run. The caller owns
// the slice.
func Groups() []Group { return slices.Clone(groups) }
