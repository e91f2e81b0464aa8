package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/tlv"
)

const emvFCI = "EMV Book 1, 11.3.4"

var fciCases = []Case{
	{"fci-template", Text{"FCI template", "FCI 模板"}, emvFCI,
		Text{"SELECT answers one template 6F with 84 and A5, well formed to the last byte.", "选择应用的应答为一个模板 6F，含 84 与 A5，逐字节符合 TLV 编码。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				order, _ := s.openTemplate("the answer to SELECT", tlv.TagFCITemplate, fci)
				s.must(slices.Equal(order, []tlv.Tag{tlv.TagDFName, tlv.TagFCIProprietary}), "expected 84 and A5 in 6F, got %X", fci)
			})
		}},
	{"fci-name", Text{"FCI names the application", "FCI 中的应用名称"}, emvFCI,
		Text{"84 is the application's name, beginning with the name that was selected.", "84 为应用名称，以所选名称开头。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				df, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
				s.must(bytes.HasPrefix(df, s.aid) && len(df) <= 16, "expected a name beginning with %X in 84, got %X", s.aid, df)
			})
		}},
	{"fci-label", Text{"Application label", "应用标签"}, emvFCI,
		Text{"The label 50 is there and has 1 to 16 printable characters.", "标签 50 存在，为 1 至 16 个可打印字符。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				label, ok := fciObject(fci, tlv.TagApplicationLabel)
				s.must(ok && len(label) >= 1 && len(label) <= 16 && printable(label), "expected 50 with 1 to 16 printable characters, got %X", label)
			})
		}},
	{"fci-priority", Text{"Application priority", "应用优先级"}, "EMV Book 1, 12.2.3",
		Text{"The priority 87 has one byte whose reserved bits are zero.", "优先级 87 为一字节，保留位为零。"}, needApplication, func(s *session) {
			s.optionalFCI(tlv.TagApplicationPriority, func(v []byte) bool { return len(v) == 1 && v[0]&0x70 == 0 }, "one byte with bits 5 to 7 zero")
		}},
	{"fci-language", Text{"Language preference", "首选语言"}, "EMV Book 3, annex A",
		Text{"5F2D lists one to four languages in two lower-case letters each.", "5F2D 列出一至四种语言，各为两个小写字母。"}, needApplication, func(s *session) {
			s.optionalFCI(tlv.TagLanguagePreference, func(v []byte) bool {
				for _, c := range v {
					if c < 'a' || c > 'z' {
						return false
					}
				}
				return len(v)%2 == 0 && len(v) >= 2 && len(v) <= 8
			}, "two to eight lower-case letters")
		}},
	{"fci-preferred-name", Text{"Preferred name has a code table", "首选名称附代码表索引"}, emvFCI,
		Text{"Where there is a preferred name 9F12 there is the code table 9F11 to show it with.", "有首选名称 9F12 时须有代码表索引 9F11。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				_, preferred := fciObject(fci, tlv.TagPreferredName)
				table, ok := fciObject(fci, tlv.TagIssuerCodeTable)
				s.must(!preferred || ok, "expected 9F11 beside 9F12, got %X", fci)
				s.must(!ok || len(table) == 1 && table[0] >= 1 && table[0] <= 0x10 && decimal(table), "expected 9F11 of 01 to 10, got %X", table)
			})
		}},
	{"fci-no-repeats", Text{"No object twice in the FCI", "FCI 数据对象不重复"}, "EMV Book 3, 7.5",
		Text{"No data object stands twice in A5.", "A5 中数据对象不重复。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				a5, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary)
				s.noRepeats("A5", a5)
			})
		}},
	{"fci-lengths", Text{"Lengths of FCI objects", "FCI 数据对象长度"}, "EMV Book 3, annex A",
		Text{"Every object of the FCI that a standard defines has a length that it allows.", "FCI 中标准定义的数据对象长度均在允许范围内。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				a5, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary)
				s.lengthsAllowed("A5", a5)
			})
		}},
	{"fci-pdol", Text{"PDOL can be read", "PDOL 可解析"}, "EMV Book 3, 5.4",
		Text{"9F38 is a list of tags and lengths that ask for at most 252 bytes.", "9F38 为标签与长度的列表，所需数据不超过 252 字节。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				raw, ok := fciObject(fci, tlv.TagPDOL)
				d, err := tlv.ParseDOL(raw)
				s.must(err == nil && d.Len() <= 252 && (!ok || len(d) > 0), "expected a data object list in 9F38, got %X", raw)
			})
		}},
	{"fci-pdol-lengths", Text{"PDOL asks for possible lengths", "PDOL 要求的长度合理"}, "EMV Book 3, annex A",
		Text{"Each element that the PDOL asks for is asked for with a length that it can have.", "PDOL 中每个数据元要求的长度为其允许的长度。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				raw, _ := fciObject(fci, tlv.TagPDOL)
				d, err := tlv.ParseDOL(raw)
				s.must(err == nil, "expected a data object list in 9F38, got %X", raw)
				for _, e := range d {
					info, known := tlv.Lookup(e.Tag)
					s.must(!known || info.LengthOK(e.Len), "expected a possible length of %X in 9F38, got %d", uint32(e.Tag), e.Len)
				}
			})
		}},
	{"fci-pdol-ttq", Text{"PDOL asks for the reader's qualifiers", "PDOL 含终端交易属性"}, "JR/T 0025.12, 9F38 of qPBOC",
		Text{"Over the air the PDOL asks for 9F66 with four bytes; without it a reader may not use qPBOC.", "非接触 PDOL 要求四字节 9F66，否则终端不得采用 qPBOC。"}, needContactless, func(s *session) {
			s.pdolAsks(tlv.TagTTQ, 4)
		}},
	{"fci-pdol-payment", Text{"PDOL asks for amount, currency, number", "PDOL 含金额、货币与不可预知数"}, "JR/T 0025.12, 9F38 of qPBOC",
		Text{"Over the air the PDOL asks for 9F02, 5F2A and 9F37, without which no decision and no signature is safe.", "非接触 PDOL 要求 9F02、5F2A 与 9F37，否则决策与签名均不可靠。"}, needContactless, func(s *session) {
			s.pdolAsks(tlv.TagAmountAuthorised, 6)
			s.pdolAsks(tlv.TagTransactionCurrency, 2)
			s.pdolAsks(tlv.TagUN, 4)
		}},
	{"fci-pdol-cvn01", Text{"PDOL covers the cryptogram's input", "PDOL 覆盖密文输入"}, "JR/T 0025.12, cryptogram versions",
		Text{"A card with cryptogram version 01 asks for all eight terminal elements that the version covers.", "采用密文版本 01 的卡在 PDOL 中要求该版本覆盖的八个终端数据元。"}, needContactless, func(s *session) {
			if s.qpboc(s.reader(readerOnlineAsked, 0)).iad.CVN != 1 {
				s.skip("the card uses cryptogram version 17", "卡片采用密文版本 17")
			}
			s.pdolAsks(tlv.TagAmountAuthorised, 6)
			s.pdolAsks(tlv.TagAmountOther, 6)
			s.pdolAsks(tlv.TagTerminalCountry, 2)
			s.pdolAsks(tlv.TagTVR, 5)
			s.pdolAsks(tlv.TagTransactionCurrency, 2)
			s.pdolAsks(tlv.TagTransactionDate, 3)
			s.pdolAsks(tlv.TagTransactionType, 1)
			s.pdolAsks(tlv.TagUN, 4)
		}},
	{"fci-log-entry", Text{"Log entry in the FCI", "FCI 中的日志入口"}, "EMV Book 3, annex D2",
		Text{"9F4D in BF0C names a file of 11 to 30 and a number of records.", "BF0C 中的 9F4D 指明 11 至 30 的文件与记录数。"}, needApplication, func(s *session) {
			s.eachFCI(func(fci []byte) {
				v, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagLogEntry)
				if !ok {
					s.skip("the FCI names no log", "FCI 未给出日志入口")
				}
				s.must(len(v) == 2 && v[0] >= 11 && v[0] <= 30 && v[1] > 0, "expected 9F4D with a file of 0B to 1E and a count, got %X", v)
			})
		}},
	{"fci-stable", Text{"The FCI does not change", "FCI 保持不变"}, emvFCI,
		Text{"SELECT answers the same in two sessions with a transaction between them.", "两次会话之间进行一次交易，选择应用的应答不变。"}, needContactless, func(s *session) {
			first := s.selectAir()
			s.qpbocHere(s.reader(readerOnlineAsked, 0))
			s.must(bytes.Equal(first, s.selectAir()), "expected the FCI %X again", first)
		}},
	{"fci-contact-pdol", Text{"Contact FCI does not ask for qualifiers", "接触 FCI 不含终端交易属性"}, "JR/T 0025.12, two interfaces",
		Text{"Over the contacts the PDOL does not ask for 9F66.", "接触方式的 PDOL 不要求 9F66。"}, needContact, func(s *session) {
			side := newSide(s.selectContact())
			s.must(!side.pdol.Has(tlv.TagTTQ), "expected a contact PDOL without 9F66, got %X", side.fci)
		}},
	{"fci-contact-cash", Text{"Contact PDOL asks for the cash indicator", "接触 PDOL 含电子现金终端支持指示"}, "JR/T 0025.13, processing options",
		Text{"A card with electronic cash asks over the contacts for 9F7A, 9F02 and 5F2A.", "具有电子现金的卡在接触 PDOL 中要求 9F7A、9F02 与 5F2A。"}, needContact | needCash, func(s *session) {
			side := newSide(s.selectContact())
			for _, tag := range []tlv.Tag{tlv.TagECTerminalIndicator, tlv.TagAmountAuthorised, tlv.TagTransactionCurrency} {
				s.must(side.pdol.Has(tag), "expected %X in the contact PDOL, got %X", uint32(tag), side.fci)
			}
		}},
}

func fciObject(fci []byte, tag tlv.Tag) ([]byte, bool) {
	return tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tag)
}

// eachFCI hands over the answer to SELECT of every side that the card has.
func (s *session) eachFCI(f func(fci []byte)) {
	if s.contact != nil || s.air == nil {
		f(s.selectContact())
	}
	if s.air != nil {
		f(s.selectAir())
	}
}

// optionalFCI judges an object of the FCI where it is there.
func (s *session) optionalFCI(tag tlv.Tag, good func([]byte) bool, want string) {
	found := false
	s.eachFCI(func(fci []byte) {
		v, ok := fciObject(fci, tag)
		found = found || ok
		s.must(!ok || good(v), "expected %X with %s, got %X", uint32(tag), want, v)
	})
	if !found {
		s.skip("the FCI does not have this object", "FCI 中无此数据对象")
	}
}

func (s *session) pdolAsks(tag tlv.Tag, n int) {
	raw, _ := fciObject(s.selectAir(), tlv.TagPDOL)
	d, err := tlv.ParseDOL(raw)
	s.must(err == nil, "expected a data object list in 9F38, got %X", raw)
	for _, e := range d {
		if e.Tag == tag {
			s.must(e.Len == n, "expected %X with %d bytes in the PDOL, got %d", uint32(tag), n, e.Len)
			return
		}
	}
	s.fail("expected %X in the PDOL, got %X", uint32(tag), raw)
}

// noRepeats fails if an object stands twice at the top of a list.
func (s *session) noRepeats(what string, list []byte) {
	seen := map[tlv.Tag]bool{}
	for it := tlv.Iterate(list); it.Next(); {
		s.must(!seen[it.Tag], "expected each object once in %s, %X is there twice", what, uint32(it.Tag))
		seen[it.Tag] = true
	}
}

// lengthsAllowed checks the objects of a list, and inside templates, with the
// dictionary.
func (s *session) lengthsAllowed(what string, list []byte) {
	nodes, err := tlv.Parse(list)
	s.must(err == nil, "expected TLV data in %s, got %X: %v", what, list, err)
	var walk func([]tlv.Node)
	walk = func(nodes []tlv.Node) {
		for i := range nodes {
			n := &nodes[i]
			if info, known := tlv.Lookup(n.Tag); known && len(n.Children) == 0 {
				s.must(info.LengthOK(len(n.Value)), "expected a length that %X may have in %s, got %d bytes", uint32(n.Tag), what, len(n.Value))
			}
			walk(n.Children)
		}
	}
	walk(nodes)
}
