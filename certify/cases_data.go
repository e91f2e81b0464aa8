package certify

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const getDataClause = "EMV Book 3, 6.5.7; JR/T 0025.5, GET DATA"

// dataObject is a data object that GET DATA may answer.
type dataObject struct {
	tag       tlv.Tag
	length    int // 0: a data object list
	numeric   bool
	mandatory bool
	zh        string
}

// dataObjects are the objects that a PBOC card answers (JR/T 0025.5, 0025.13,
// 0025.15). Mandatory are those without which a terminal cannot tell a holder what
// the card allows.
var dataObjects = []dataObject{
	{tlv.TagATC, 2, false, true, "应用交易计数器"},
	{tlv.TagLastOnlineATC, 2, false, true, "上次联机 ATC 寄存器"},
	{tlv.TagPINTryCounter, 1, false, true, "密码尝试计数器"},
	{tlv.TagLogFormat, 0, false, true, "日志格式"},
	{tlv.TagCardCurrency, 2, true, true, "应用货币代码"},
	{tlv.TagADA, 2, false, false, "应用默认行为"},
	{tlv.TagOfflineLimitCurrency, 1, false, false, "连续脱机交易限制数（国际-货币）"},
	{tlv.TagCTTAL, 6, true, false, "累计脱机交易金额限制数"},
	{tlv.TagIssuerAuthenticationIndicator, 1, false, false, "发卡行认证指示位"},
	{tlv.TagCardIssuerCountry, 2, true, false, "发卡行国家代码"},
	{tlv.TagLowerOfflineLimit, 1, false, false, "连续脱机交易下限"},
	{tlv.TagUpperOfflineLimit, 1, false, false, "连续脱机交易上限"},
	{tlv.TagCTTAUpper, 6, true, false, "累计脱机交易金额上限"},
	{tlv.TagAvailableOffline, 6, true, false, "可用脱机消费金额"},
	{tlv.TagCardAdditionalProcessing, 4, false, true, "卡片附加处理"},
	{tlv.TagCardCVMLimit, 6, true, false, "卡片 CVM 限额"},
	{tlv.TagECResetThreshold, 6, true, true, "电子现金重置阈值"},
	{tlv.TagOfflineLimitCountry, 1, false, false, "连续脱机交易限制数（国际-国家）"},
	{tlv.TagCurrencyConversionFactor, 4, false, false, "货币转换因子"},
	{tlv.TagCTTALDual, 6, true, false, "累计脱机交易金额限制数（双货币）"},
	{tlv.TagSecondCurrency, 2, true, false, "第二应用货币代码"},
	{tlv.TagECBalanceLimit, 6, true, true, "电子现金余额上限"},
	{tlv.TagECSingleLimit, 6, true, true, "电子现金单笔交易限额"},
	{tlv.TagECBalance, 6, true, true, "电子现金余额"},
	{tlv.TagLoadLogFormat, 0, false, false, "圈存日志格式"},
	{tlv.TagCAPPSupport, 1, false, false, "扩展应用支持指示"},
	{tlv.TagDeductionLimit, 6, true, false, "分段扣费抵扣限额"},
	{tlv.TagDeductionUsed, 6, true, false, "分段扣费已抵扣额"},
	{tlv.TagSecondECCurrency, 2, true, false, "第二币种电子现金货币代码"},
	{tlv.TagSecondECCVMLimit, 6, true, false, "第二币种卡片 CVM 限额"},
	{tlv.TagSecondECResetThreshold, 6, true, false, "第二币种电子现金重置阈值"},
	{tlv.TagSecondECBalanceLimit, 6, true, false, "第二币种电子现金余额上限"},
	{tlv.TagSecondECSingleLimit, 6, true, false, "第二币种电子现金单笔限额"},
	{tlv.TagSecondECBalance, 6, true, false, "第二币种电子现金余额"},
}

var dataCases = append(dataObjectCases(), []Case{
	{"data-unknown", Text{"Unknown data object", "未知数据对象"}, "EMV Book 3, 6.5.7.5",
		Text{"A tag that the card does not answer is refused with 6A88.", "卡片不提供的标签以 6A88 拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			s.refused(getData(0x9F1E), apdu.SWDataNotFound, apdu.SWNotSupported)
		}},
	{"data-secret", Text{"No secrets by GET DATA", "取数据不泄露秘密"}, getDataClause,
		Text{"PIN and key objects cannot be read.", "密码与密钥对象不可读取。"}, needApplication, func(s *session) {
			s.selectAny()
			for _, tag := range []tlv.Tag{tlv.TagPINData, 0x8000, 0x8010, 0x8201, 0x8205, 0x8400, 0x8401} {
				data, sw := s.send(getData(tag))
				s.must(sw != apdu.SWOK || len(data) <= 3, "expected %X not to be answered, got %d bytes", uint32(tag), len(data))
			}
		}},
	{"data-record-objects", Text{"Record objects only in records", "记录数据仅由记录提供"}, getDataClause,
		Text{"The account number is not answered by GET DATA.", "账号不由取数据命令提供。"}, needApplication, func(s *session) {
			s.selectAny()
			s.denied(getData(tlv.TagPAN))
			s.denied(getData(tlv.TagTrack2Equivalent))
		}},
	{"data-changes-nothing", Text{"GET DATA changes nothing", "取数据不改变状态"}, getDataClause,
		Text{"Reading all data objects twice gives the same, and counter and balance stay.", "两次读取全部数据对象结果相同，计数器与余额不变。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.standing()
			var first, second [][]byte
			for _, all := range []*[][]byte{&first, &second} {
				for _, d := range dataObjects {
					data, _ := s.send(getData(d.tag))
					*all = append(*all, data)
				}
			}
			for i := range first {
				s.must(bytes.Equal(first[i], second[i]), "expected %X twice the same, got %X and %X", uint32(dataObjects[i].tag), first[i], second[i])
			}
			s.unchanged(before, "GET DATA")
		}},
	{"data-in-transaction", Text{"GET DATA within a transaction", "交易中取数据"}, getDataClause,
		Text{"GET DATA between the answer and the last record does not disturb the payment.", "应答与末条记录之间取数据不影响支付。"}, needContactless | needCash, func(s *session) {
			s.selectAir()
			s.mayPay(1)
			before := s.balanceNow()
			p := s.approval()
			s.object(tlv.TagATC)
			s.object(tlv.TagECBalance)
			s.spent++
			s.readRecords(p.afl)
			s.mustBalance(before - 1)
		}},
	{"data-with-data", Text{"GET DATA with a data field", "带数据域的取数据"}, "EMV Book 3, 6.5.7.3",
		Text{"GET DATA has no data field; one with data is refused.", "取数据命令无数据域，带数据时拒绝。"}, needApplication, func(s *session) {
			s.selectAny()
			c := getData(tlv.TagATC)
			c.Data = []byte{1, 2}
			s.denied(c)
		}},
	{"data-before-selection", Text{"GET DATA before selection", "选择前取数据"}, getDataClause,
		Text{"Before the application is selected its balance cannot be read.", "选择应用之前不可读取其余额。"}, needCash, func(s *session) {
			s.denied(getData(tlv.TagECBalance))
		}},
	{"data-tries", Text{"PIN tries are plausible", "密码剩余次数合理"}, "EMV Book 3, 6.5.7, 9F17",
		Text{"9F17 is at most 15.", "9F17 不超过 15。"}, needApplication, func(s *session) {
			s.selectAny()
			v := s.object(tlv.TagPINTryCounter)
			s.must(len(v) == 1 && v[0] <= 15, "expected 9F17 of at most 0F, got %X", v)
		}},
	{"data-last-online", Text{"Last online counter is plausible", "上次联机计数器合理"}, "EMV Book 3, annex A, 9F13",
		Text{"9F13 is not above 9F36.", "9F13 不大于 9F36。"}, needApplication, func(s *session) {
			s.selectAny()
			v := s.object(tlv.TagLastOnlineATC)
			s.must(len(v) == 2 && number16(v) <= s.atcNow(), "expected 9F13 not above 9F36, got %X", v)
		}},
}...)

// dataObjectCases makes a case for each data object.
func dataObjectCases() []Case {
	var out []Case
	for _, d := range dataObjects {
		tag := fmt.Sprintf("%X", uint32(d.tag))
		info, _ := tlv.Lookup(d.tag)
		out = append(out, Case{ID: "data-" + strings.ToLower(tag),
			Name:   Text{"GET DATA " + tag, "取数据 " + tag},
			Clause: getDataClause, needs: needApplication,
			Purpose: Text{tag + ", " + info.Name + ", is answered as one object of the right length and coding.", tag + "（" + d.zh + "）以长度与编码正确的单一数据对象应答。"},
			run:     func(s *session) { s.dataObject(&d) }})
	}
	return out
}

func (s *session) dataObject(d *dataObject) {
	s.selectAny()
	data, sw := s.send(getData(d.tag))
	if !d.mandatory && (sw == apdu.SWDataNotFound || sw == apdu.SWNotSupported || sw == apdu.SWWrongData) {
		s.skip("the card does not have this object", "卡片无此数据对象")
	}
	s.must(sw == apdu.SWOK, "expected 9000 to GET DATA %X, got %v", uint32(d.tag), sw)
	nodes, err := tlv.Parse(data)
	s.must(err == nil && len(nodes) == 1 && nodes[0].Tag == d.tag, "expected one object %X, got %X", uint32(d.tag), data)
	v := nodes[0].Value
	if d.length == 0 {
		list, err := tlv.ParseDOL(v)
		s.must(err == nil && len(list) > 0, "expected a data object list in %X, got %X", uint32(d.tag), v)
		return
	}
	s.must(len(v) == d.length || d.tag == tlv.TagADA && len(v) == 4, "expected %d bytes in %X, got %X", d.length, uint32(d.tag), v)
	s.must(!d.numeric || decimal(v), "expected decimal digits in %X, got %X", uint32(d.tag), v)
}
