package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	bookB      = "EMV Contactless Book B, 3.3"
	emvSelect  = "EMV Book 1, 11.3"
	emvPSE     = "EMV Book 1, 12.2"
	emvPartial = "EMV Book 1, 12.3.1"
	isoSelect  = "ISO/IEC 7816-4, 7.1.1"
)

var selectCases = []Case{
	{"ppse-select", Text{"PPSE can be selected", "可选择 PPSE"}, bookB,
		Text{"A contactless card has the directory 2PAY.SYS.DDF01.", "非接触卡具有目录 2PAY.SYS.DDF01。"}, needContactless, func(s *session) {
			s.ok(selectName([]byte(ppseName)))
		}},
	{"ppse-template", Text{"Answer of the PPSE", "PPSE 应答格式"}, bookB,
		Text{"SELECT PPSE answers 6F with the name 84 and A5 with BF0C, and nothing behind it.", "选择 PPSE 的应答为 6F，含名称 84 和带 BF0C 的 A5，其后无多余数据。"}, needContactless, func(s *session) {
			fci := s.ok(selectName([]byte(ppseName)))
			order, fields := s.openTemplate("the answer to SELECT PPSE", tlv.TagFCITemplate, fci)
			s.must(slices.Equal(order, []tlv.Tag{tlv.TagDFName, tlv.TagFCIProprietary}), "expected 84 and A5 in 6F, got %X", fci)
			s.must(string(fields[tlv.TagDFName]) == ppseName, "expected the name %s in 84, got %X", ppseName, fields[tlv.TagDFName])
			_, ok := tlv.Find(fields[tlv.TagFCIProprietary], tlv.TagFCIIssuerDiscretionary)
			s.must(ok, "expected BF0C in A5, got %X", fci)
		}},
	{"ppse-entries", Text{"PPSE names applications", "PPSE 列出应用"}, bookB,
		Text{"Each entry 61 of the PPSE has an application name 4F of 5 to 16 bytes, each another one.", "PPSE 每个目录项 61 含 5 至 16 字节的应用名称 4F，互不相同。"}, needContactless, func(s *session) {
			entries := directoryEntries(s.ok(selectName([]byte(ppseName))))
			s.must(len(entries) > 0, "expected at least one entry 61, got none")
			seen := map[string]bool{}
			for _, e := range entries {
				aid := e[tlv.TagADFName]
				s.must(len(aid) >= 5 && len(aid) <= 16, "expected 4F with 5 to 16 bytes, got %X", aid)
				s.must(!seen[string(aid)], "expected each application once, %X is there twice", aid)
				seen[string(aid)] = true
			}
		}},
	{"ppse-priority", Text{"PPSE priorities", "PPSE 应用优先级"}, bookB,
		Text{"With several applications each entry has a priority 87 of its own.", "有多个应用时，每个目录项有各自的优先级 87。"}, needContactless, func(s *session) {
			entries := directoryEntries(s.ok(selectName([]byte(ppseName))))
			seen := map[byte]bool{}
			for _, e := range entries {
				p, ok := e[tlv.TagApplicationPriority]
				s.must(ok || len(entries) == 1, "expected 87 in every entry of several")
				s.must(!ok || len(p) == 1, "expected 87 with one byte, got %X", p)
				if ok && len(entries) > 1 {
					s.must(!seen[p[0]&15], "expected each priority once, %d is there twice", p[0]&15)
					seen[p[0]&15] = true
				}
			}
		}},
	{"ppse-applications", Text{"Applications of the PPSE exist", "PPSE 所列应用可选"}, bookB,
		Text{"Every application that the PPSE names can be selected.", "PPSE 列出的每个应用均可选择。"}, needContactless, func(s *session) {
			for _, e := range directoryEntries(s.ok(selectName([]byte(ppseName)))) {
				fci := s.ok(selectName(e[tlv.TagADFName]))
				df, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
				s.must(bytes.HasPrefix(df, e[tlv.TagADFName]), "expected an application named %X, got %X", e[tlv.TagADFName], df)
			}
		}},
	{"ppse-again", Text{"PPSE after an application", "选择应用后再选 PPSE"}, bookB,
		Text{"The PPSE answers the same again after an application was selected.", "选择应用之后再次选择 PPSE，应答不变。"}, needContactless, func(s *session) {
			first := s.ok(selectName([]byte(ppseName)))
			s.ok(selectName(s.aid))
			s.must(bytes.Equal(first, s.ok(selectName([]byte(ppseName)))), "expected the answer %X again", first)
		}},
	{"ppse-no-records", Text{"PPSE has no payment commands", "PPSE 无支付命令"}, bookB,
		Text{"GET PROCESSING OPTIONS to the PPSE is refused.", "对 PPSE 取处理选项被拒绝。"}, needContactless, func(s *session) {
			s.ok(selectName([]byte(ppseName)))
			s.denied(processingOptions(nil))
		}},
	{"pse-template", Text{"Answer of the PSE", "PSE 应答格式"}, emvPSE + ".2",
		Text{"SELECT PSE answers 6F with 84 and A5, in which 88 names a file of 1 to 10.", "选择 PSE 的应答为 6F，含 84 和 A5，其中 88 指明 1 至 10 的文件。"}, needContact, func(s *session) {
			fci := s.selectPSE()
			_, fields := s.openTemplate("the answer to SELECT PSE", tlv.TagFCITemplate, fci)
			s.must(string(fields[tlv.TagDFName]) == pseName, "expected the name %s in 84, got %X", pseName, fields[tlv.TagDFName])
			sfi, _ := tlv.Find(fields[tlv.TagFCIProprietary], tlv.TagSFI)
			s.must(len(sfi) == 1 && sfi[0] >= 1 && sfi[0] <= 10, "expected 88 with a file of 1 to 10, got %X", sfi)
		}},
	{"pse-directory", Text{"Directory of the PSE", "PSE 目录记录"}, emvPSE + ".3",
		Text{"Each directory record is a template 70 with entries 61 that have a name 4F and a label 50.", "每条目录记录为模板 70，其目录项 61 含名称 4F 与标签 50。"}, needContact, func(s *session) {
			entries := s.directory()
			s.must(len(entries) > 0, "expected at least one entry 61, got none")
			for _, e := range entries {
				aid := e[tlv.TagADFName]
				s.must(len(aid) >= 5 && len(aid) <= 16, "expected 4F with 5 to 16 bytes, got %X", aid)
				label := e[tlv.TagApplicationLabel]
				s.must(len(label) >= 1 && len(label) <= 16, "expected 50 with 1 to 16 characters, got %X", label)
			}
		}},
	{"pse-applications", Text{"Applications of the PSE exist", "PSE 所列应用可选"}, emvPSE + ".3",
		Text{"Every application that the PSE names can be selected.", "PSE 列出的每个应用均可选择。"}, needContact, func(s *session) {
			for _, e := range s.directory() {
				s.ok(selectName(e[tlv.TagADFName]))
			}
		}},
	{"select-application", Text{"The card has an application", "卡上有应用"}, emvSelect,
		Text{"A PBOC application can be selected by its name.", "以名称可选择 PBOC 应用。"}, 0, func(s *session) {
			if s.other() {
				s.skip(noBankCard.EN, noBankCard.ZH)
			}
			s.must(s.found, "expected an application that can be selected, got none: the card is blank or not personalised, or its AID is another; %X was tried", s.aid)
		}},
	{"select-partial", Text{"Selection by the beginning of the name", "部分名称选择"}, emvPartial,
		Text{"The first bytes of an application's name select it, and 84 gives the whole name.", "以应用名称的前若干字节可选中应用，84 给出完整名称。"}, needApplication, func(s *session) {
			s.must(len(s.aid) > 5, "expected an application name longer than a provider identifier, got %X", s.aid)
			fci := s.partial(s.aid[:len(s.aid)-1])
			df, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
			s.must(bytes.HasPrefix(df, s.aid[:len(s.aid)-1]) && len(df) >= len(s.aid), "expected a whole name beginning with %X in 84, got %X", s.aid[:len(s.aid)-1], df)
		}},
	{"select-provider", Text{"Selection by the provider identifier", "以注册标识选择"}, emvPartial,
		Text{"The five bytes of the registered provider identifier find an application.", "以五字节注册应用提供者标识可找到应用。"}, needApplication, func(s *session) {
			fci := s.partial(s.aid[:5])
			df, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
			s.must(bytes.HasPrefix(df, s.aid[:5]), "expected a name beginning with %X in 84, got %X", s.aid[:5], df)
		}},
	{"select-next", Text{"Next occurrence", "选择下一个"}, emvPartial,
		Text{"SELECT next walks through all applications with the same beginning, each once, and ends with 6A82.", "选择下一个依次给出同前缀的各应用，不重复，最后应答 6A82。"}, needApplication, selectAllNext},
	{"select-unknown", Text{"Unknown name", "未知名称"}, emvSelect + ".5",
		Text{"A name that no application has is answered with 6A82.", "不存在的应用名称应答 6A82。"}, 0, func(s *session) {
			s.refused(selectName([]byte("CITYCARD NOBODY")), apdu.SWFileNotFound)
		}},
	{"select-longer", Text{"A longer name is another name", "更长的名称不匹配"}, emvPartial,
		Text{"A name that goes on beyond the application's own does not select it.", "比应用名称更长的名称不选中该应用。"}, needApplication, func(s *session) {
			if len(s.aid) > 14 {
				s.skip("the application's name is too long to be longer", "应用名称已达最大长度")
			}
			s.refused(selectName(append(slices.Clone(s.aid), 0xEE, 0xEE)), apdu.SWFileNotFound)
		}},
	{"select-failed-keeps", Text{"A failed selection changes nothing", "选择失败不改变当前应用"}, isoSelect,
		Text{"After SELECT of an unknown name the application selected before still answers.", "选择未知名称失败后，原先选中的应用仍可应答。"}, needApplication, func(s *session) {
			s.selectAny()
			before := s.object(tlv.TagATC)
			s.denied(selectName([]byte("CITYCARD NOBODY")))
			s.must(bytes.Equal(before, s.object(tlv.TagATC)), "expected 9F36 %X from the application selected before", before)
		}},
	{"select-p2", Text{"Reserved P2 of SELECT", "SELECT 的保留 P2"}, isoSelect,
		Text{"Asking for the previous occurrence in a way that EMV does not know is refused.", "以 EMV 未定义的方式选择上一个被拒绝。"}, needApplication, func(s *session) {
			s.refused(command(0x00, 0xA4, 0x04, 0x03, s.aid, 256), apdu.SWWrongP1P2, apdu.SWNotSupported, apdu.SWFileNotFound)
		}},
	{"select-p1", Text{"Reserved P1 of SELECT", "SELECT 的保留 P1"}, isoSelect,
		Text{"A way of selection that is not defined is refused.", "未定义的选择方式被拒绝。"}, needApplication, func(s *session) {
			s.refused(command(0x00, 0xA4, 0x44, 0x00, s.aid, 256), apdu.SWWrongP1P2, apdu.SWNotSupported)
		}},
	{"select-ends-session", Text{"Selection begins a new session", "重新选择开始新会话"}, "EMV Book 3, 6.5.8.2",
		Text{"After a new SELECT the processing options can be asked for again.", "重新选择后可再次取处理选项。"}, needContactless, func(s *session) {
			s.qpboc(s.reader(readerOnlineAsked, 0))
			s.qpboc(s.reader(readerOnlineAsked, 0))
		}},
}

// partial selects by the beginning of a name, or skips the case on a card that knows
// whole names only.
func (s *session) partial(name []byte) []byte {
	c := selectName(name)
	fci, sw := s.send(c)
	s.partialKnown(sw)
	s.mustOK(c, sw)
	return fci
}

// partialKnown skips the case if a beginning of the application's name is not found.
func (s *session) partialKnown(sw apdu.SW) {
	if sw == apdu.SWFileNotFound {
		s.skip("partial selection is not supported", "卡片不支持部分名称选择")
	}
}

// selectPSE selects the contact directory or skips the case.
func (s *session) selectPSE() []byte {
	fci, sw := s.send(selectName([]byte(pseName)))
	if sw == apdu.SWFileNotFound {
		s.skip("the card has no PSE; terminals use a list of names", "卡片无 PSE，终端采用名称列表方式")
	}
	s.must(sw == apdu.SWOK, "expected 9000 to SELECT PSE, got %v", sw)
	return fci
}

// directory reads the records of the PSE.
func (s *session) directory() []map[tlv.Tag][]byte {
	sfi, ok := tlv.Find(s.selectPSE(), tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagSFI)
	s.must(ok && len(sfi) == 1, "expected 88 in the answer to SELECT PSE, got %X", sfi)
	var out []map[tlv.Tag][]byte
	for n := byte(1); n <= 32; n++ {
		raw, sw := s.send(readRecord(sfi[0], n))
		if sw == apdu.SWRecordNotFound {
			return out
		}
		s.must(sw == apdu.SWOK, "expected 9000 or 6A83 for directory record %d, got %v", n, sw)
		inner, ok := tlv.Find(raw, tlv.TagRecordTemplate)
		s.must(ok, "expected a template 70 in directory record %d, got %X", n, raw)
		out = append(out, templates(inner)...)
	}
	s.fail("expected the directory to end with 6A83 within 32 records")
	return nil
}

func selectAllNext(s *session) {
	var names []string
	for i := range 32 {
		c := selectName(s.aid[:5])
		if i > 0 {
			c = selectNext(s.aid[:5])
		}
		fci, sw := s.send(c)
		if i > 0 && sw == apdu.SWFileNotFound {
			return
		}
		s.partialKnown(sw)
		s.must(selected(sw), "expected 9000 or 6A82 to SELECT next, got %v", sw)
		df, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagDFName)
		s.must(bytes.HasPrefix(df, s.aid[:5]), "expected a name beginning with %X, got %X", s.aid[:5], df)
		s.must(!slices.Contains(names, string(df)), "expected each application once, %X came twice", df)
		names = append(names, string(df))
	}
	s.fail("expected SELECT next to end with 6A82, got 32 applications")
}
