package certify

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	extensionClause = "JR/T 0025.14, data elements (annex E)"
	readClause      = "JR/T 0025.14, READ CAPP DATA (annex C)"
	updateClause    = "JR/T 0025.14, UPDATE CAPP DATA CACHE (annex C)"
	appendClause    = "JR/T 0025.14, APPEND RECORD (annex C)"
	proveClause     = "JR/T 0025.14, GET TRANS PROVE (annex C)"
	tripClause      = "JR/T 0025.14, cyclic file 1E (annex A)"
)

const (
	needRead   = needTransit | needJourney
	needUpdate = needRead | needSecrets | needCash
)

var journeyCases = []Case{
	{"transit-support", Text{"DF61 in the FCI", "FCI 中的 DF61"}, extensionClause,
		Text{"DF61 in BF0C is 01 or 02, and GET DATA gives the same.", "BF0C 中的 DF61 为 01 或 02，GET DATA 给出相同的值。"}, needTransit, func(s *session) {
			fci := s.selectAir()
			v, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagCAPPSupport)
			s.must(len(v) == 1 && (v[0] == 1 || v[0] == 2), "expected DF61 01 or 02 in the FCI, got %X", v)
			data, sw := s.send(getData(tlv.TagCAPPSupport))
			if sw == apdu.SWOK {
				now, _ := tlv.Find(data, tlv.TagCAPPSupport)
				s.must(bytes.Equal(now, v), "expected DF61 %X from GET DATA, got %X", v, now)
			}
		}},
	{"transit-pdol", Text{"The PDOL asks for DF60", "PDOL 请求 DF60"}, extensionClause,
		Text{"The PDOL asks for one byte of DF60, by which a gate says what it wants.", "PDOL 以一字节请求 DF60，闸机据此说明交易种类。"}, needTransit, func(s *session) {
			for _, e := range s.air.pdol {
				s.must(e.Tag != tlv.TagCAPPIndicator || e.Len == 1, "expected one byte of DF60 in the PDOL, got %d", e.Len)
			}
		}},
	{"read-capp-record", Text{"Record after selection", "选择后读记录"}, readClause,
		Text{"Right after SELECT the record comes whole: identifier, length and body, and nothing else.", "选择应用后即可读出完整记录：标识、长度、内容，别无其他。"}, needRead, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
		}},
	{"read-capp-code", Text{"Record with a code", "带校验码的记录"}, readClause,
		Text{"For a random number four bytes of code follow the same record.", "附随机数读取时，记录之后为四字节校验码。"}, needRead, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			plain := s.journeyNow(j)
			data := s.ok(j.read(s.random(8)))
			s.must(len(data) == len(plain)+4 && bytes.HasPrefix(data, plain), "expected the record %X and four bytes, got %X", plain, data)
		}},
	{"read-capp-mac", Text{"The code verifies", "校验码正确"}, readClause,
		Text{"The code is that of the record under its management key, with the random number as start value.", "校验码由管理密钥以随机数为初值对记录计算。"}, needRead | needSecrets, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			random := [8]byte(s.random(8))
			data := s.ok(j.read(random[:]))
			s.must(len(data) > 4, "expected a record and a code, got %X", data)
			record, code := data[:len(data)-4], data[len(data)-4:]
			want := journeyMAC(s.alg(), s.journeyKey("record", j.sfi), random, record)
			s.must(bytes.Equal(want[:], code), "expected the code %X under the record's key, got %X", want, code)
		}},
	{"read-capp-fresh", Text{"Each random number has its code", "校验码随随机数变化"}, readClause,
		Text{"Two random numbers give two codes, the same one the same again.", "不同随机数得到不同校验码，相同则相同。"}, needRead, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			one, two := s.random(8), s.random(8)
			a, b, again := s.ok(j.read(one)), s.ok(j.read(two)), s.ok(j.read(one))
			s.must(!bytes.Equal(a, b), "expected another code for another random number, got %X twice", a)
			s.must(bytes.Equal(a, again), "expected the same code for the same random number, got %X and %X", a, again)
		}},
	{"read-capp-no-file", Text{"Journey file that is not there", "行程文件不存在"}, readClause,
		Text{"READ CAPP DATA of a file that the card does not have is answered with 6A82.", "读取不存在的扩展应用文件应答 6A82。"}, needTransit, func(s *session) {
			if s.transit.missing == 0 {
				s.skip("the card has all files from 15 to 1D", "卡片具有 15 至 1D 的全部文件")
			}
			s.selectAir()
			s.refused(readJourney(s.transit.missing, 0x0110, false, nil), apdu.SWFileNotFound)
		}},
	{"read-capp-no-record", Text{"Journey record that is not there", "行程记录不存在"}, readClause,
		Text{"An identifier that no record of the file has is answered with 6A83.", "文件中不存在的记录标识应答 6A83。"}, needRead, func(s *session) {
			s.selectAir()
			s.refused(readJourney(s.journey(0).sfi, 0xFFFE, false, nil), apdu.SWRecordNotFound)
		}},
	{"read-capp-next", Text{"Next record", "读下一条记录"}, readClause,
		Text{"The next records of an identifier come to an end with 6A83.", "依次读取同标识的下一条记录，最后应答 6A83。"}, needRead, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			s.journeyNow(j)
			for range 128 {
				data, sw := s.send(readJourney(j.sfi, j.id, true, nil))
				if sw == apdu.SWRecordNotFound {
					return
				}
				s.must(sw == apdu.SWOK && len(data) > 3 && number16(data) == j.id, "expected another record %04X or 6A83, got %X %v", j.id, data, sw)
			}
			s.fail("expected an end of the records %04X, got 128 of them", j.id)
		}},
	{"read-capp-p1", Text{"P1 and P2 of READ CAPP DATA", "读扩展数据的 P1、P2"}, readClause,
		Text{"Another P1 than 00, or reserved bits of P2, are refused.", "P1 不为 00 或 P2 保留位置位时被拒绝。"}, needRead, func(s *session) {
			s.selectAir()
			c := s.journey(0).read(nil)
			c.P1 = 1
			s.refused(c, apdu.SWWrongP1P2)
			c.P1, c.P2 = 0, c.P2|2
			s.refused(c, apdu.SWWrongP1P2)
		}},
	{"read-capp-lengths", Text{"Lengths of READ CAPP DATA", "读扩展数据的长度"}, readClause,
		Text{"Neither identifier nor identifier and eight bytes: 6700.", "数据既非标识亦非标识加八字节时应答 6700。"}, needRead, func(s *session) {
			s.selectAir()
			c := s.journey(0).read(s.random(10))
			for _, n := range []int{1, 3, 9, 11, 12} {
				d := c
				d.Data = c.Data[:n]
				s.refused(d, apdu.SWWrongLength)
			}
		}},
	{"read-capp-cyclic", Text{"The cyclic file is read otherwise", "循环文件以其他命令读取"}, readClause,
		Text{"READ CAPP DATA of file 1E is refused.", "对文件 1E 的读扩展数据命令被拒绝。"}, needTransit, func(s *session) {
			s.selectAir()
			s.denied(readJourney(tripFile, 0, false, nil))
		}},
	{"read-capp-class", Text{"Class of READ CAPP DATA", "读扩展数据的类别"}, readClause,
		Text{"READ CAPP DATA with the interindustry class is refused.", "以行业间类别发出的读扩展数据被拒绝。"}, needRead, func(s *session) {
			s.selectAir()
			c := s.journey(0).read(nil)
			c.CLA = 0x00
			s.denied(c)
		}},
	{"journey-key-hidden", Text{"The key stays in the card", "密钥不出卡"}, "JR/T 0025.14, files (annex A)",
		Text{"READ RECORD of a file whose records have hidden keys is refused.", "以 READ RECORD 读取带隐藏密钥的文件被拒绝。"}, needRead, func(s *session) {
			s.selectAir()
			for n := byte(1); n <= 2; n++ {
				s.denied(readRecord(s.journey(0).sfi, n))
			}
		}},
	{"trip-read-free", Text{"The last journeys are free to read", "最近行程可自由读取"}, tripClause,
		Text{"READ RECORD of file 1E needs nothing but the selection.", "选择应用后即可以 READ RECORD 读取文件 1E。"}, needTransit, func(s *session) {
			s.selectAir()
			data, sw := s.send(readRecord(tripFile, 1))
			if sw == apdu.SWFileNotFound {
				s.skip("the card has no file 1E", "卡片无文件 1E")
			}
			s.must(sw == apdu.SWOK && len(data) > 0 || sw == apdu.SWRecordNotFound, "expected a record or 6A83, got %X %v", data, sw)
		}},
	{"prove-unknown", Text{"Proof of no journey", "未发生交易的凭证"}, proveClause,
		Text{"GET TRANS PROVE of a counter that has not been reached is answered with 9406.", "对未到达的计数器取交易凭证应答 9406。"}, needTransit, func(s *session) {
			s.selectAir()
			s.refused(prove(s.atcNow()+1), apdu.SWProofNotAvailable)
		}},
	{"prove-lengths", Text{"Form of GET TRANS PROVE", "取交易凭证的格式"}, proveClause,
		Text{"A counter of another length is answered with 6700, another P1 or P2 with 6A86.", "计数器长度不符应答 6700，P1、P2 不符应答 6A86。"}, needTransit, func(s *session) {
			s.selectAir()
			c := prove(1)
			for _, data := range [][]byte{{1}, {0, 0, 1}} {
				d := c
				d.Data = data
				s.refused(d, apdu.SWWrongLength)
			}
			c.P1 = 1
			s.refused(c, apdu.SWWrongP1P2)
		}},
	{"prove-open", Text{"No proof before the last record", "末条记录之前无凭证"}, proveClause,
		Text{"A journey that was approved and not committed has no proof: 9406.", "已批准而未提交的交易无凭证，应答 9406。"}, needRead, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
			p := s.trip(tradeFare, 0)
			s.again()
			s.selectAir()
			s.refused(prove(p.atc), apdu.SWProofNotAvailable)
		}},
	{"prove-committed", Text{"Proof of a journey", "已提交交易的凭证"}, proveClause,
		Text{"After the last record, also after a reset, GET TRANS PROVE gives the cryptogram of the answer.", "末条记录之后（含复位后）取交易凭证给出应答中的密文。"}, needUpdate, func(s *session) {
			p := s.pays(s.journey(0), tradeFare, 0, nil)
			s.mustProve(p.atc, p.ac[:])
			s.again()
			s.selectAir()
			s.mustProve(p.atc, p.ac[:])
		}},
	{"prove-last-only", Text{"Proof of the last journey alone", "仅保留最后一笔凭证"}, proveClause,
		Text{"After another journey the one before has no proof any more.", "发生新的交易后，前一笔不再有凭证。"}, needUpdate, func(s *session) {
			first := s.pays(s.journey(0), tradeFare, 0, nil)
			s.pays(s.journey(0), tradeFare, 0, nil)
			s.refused(prove(first.atc), apdu.SWProofNotAvailable)
		}},
	{"prove-outlives", Text{"A proof outlives a torn journey", "凭证不因中断而失效"}, proveClause,
		Text{"A journey that was torn leaves the proof of the one before.", "中断的交易不影响前一笔的凭证。"}, needUpdate, func(s *session) {
			first := s.pays(s.journey(0), tradeFare, 0, nil)
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.trip(tradeFare, 0)
			s.again()
			s.selectAir()
			s.mustProve(first.atc, first.ac[:])
		}},
}

// mustProve asks for the proof of a committed journey.
func (s *session) mustProve(atc uint16, want []byte) {
	got := s.ok(prove(atc))
	s.must(bytes.Equal(got, want), "expected the cryptogram %X of counter %04X from GET TRANS PROVE, got %X", want, atc, got)
}
