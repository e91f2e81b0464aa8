package certify

import (
	"bytes"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	moduleFiles   = "JR/T 0025.2 (2010), files of the PSAM"
	moduleInit    = "JR/T 0025.2 (2010), INIT_SAM_FOR_PURCHASE"
	moduleCredit  = "JR/T 0025.2 (2010), CREDIT_SAM_FOR_PURCHASE"
	modulePrepare = "JR/T 0025.2 (2010), INIT_FOR_DESCRYPT"
	moduleCrypt   = "JR/T 0025.2 (2010), DES CRYPT"

	needModuleKeys = needModule | needSecrets
)

var moduleCases = []Case{
	{"module-terminal", Text{"Number of the terminal", "终端机编号"}, moduleFiles,
		Text{"File 16 of the MF has six bytes, the same each time.", "MF 的文件 16 为六字节，每次相同。"}, needModule, func(s *session) {
			s.ok(selectID(0x3F00))
			b := s.ok(readBinary(0x16, 6))
			s.must(bytes.Equal(b, s.module.terminal[:]), "expected %X, got %X", s.module.terminal, b)
		}},
	{"module-directories", Text{"Directories of a module", "模块目录"}, moduleFiles,
		Text{"Each directory answers with FCI, and the counter of its transactions cannot be written.", "各目录选择应答含 FCI，其交易序号文件不可写。"}, needModule, func(s *session) {
			for _, dir := range s.module.dirs {
				s.ok(selectID(0x3F00))
				fci := s.ok(selectID(dir))
				s.must(len(fci) > 2 && fci[0] == 0x6F, "expected 6F from SELECT %04X, got %X", dir, fci)
				s.denied(command(0x00, 0xD6, 0x98, 0, make([]byte, 4), apdu.NoLe))
				s.denied(command(0x04, 0xD6, 0x98, 0, make([]byte, 8), apdu.NoLe))
			}
		}},
	{"module-purchase", Text{"MAC1 and MAC2", "MAC1 与 MAC2"}, moduleInit,
		Text{"MAC1 is that of the purchase under the card's key, and the card's MAC2 is taken.", "MAC1 由卡片密钥对该笔消费计算，卡片的 MAC2 被接受。"}, needModuleKeys, func(s *session) {
			s.sells(epurse.TDES)
		}},
	{"module-purchase-sm4", Text{"MAC1 and MAC2 with SM4", "SM4 的 MAC1 与 MAC2"}, moduleInit,
		Text{"With algorithm 04 MAC1 and MAC2 are those of SM4.", "算法标识 04 时 MAC1、MAC2 以 SM4 计算。"}, needModuleKeys, func(s *session) {
			s.sells(epurse.SM4)
		}},
	{"module-factors", Text{"Keys by factors", "分散因子"}, moduleInit,
		Text{"Another card's factor gives another MAC1.", "不同卡片的分散因子得到不同的 MAC1。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			x := s.sale()
			_, a := s.starts(x)
			x.list = []epurse.Factor{x.list[0], {9, 9, 9, 9, 9, 9, 9, 9}}
			_, b := s.starts(x)
			s.must(!bytes.Equal(a, b), "expected another MAC1 for another card, got %X twice", a)
		}},
	{"module-counter", Text{"No transaction number twice", "交易序号不重复"}, moduleInit,
		Text{"Each purchase has a greater number, also after a reset, a purchase that was given up, and another directory.", "每笔消费的序号递增，复位、放弃交易或切换目录之后亦然。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			last, _ := s.starts(s.sale())
			for _, between := range []func(){func() {}, s.again, func() { s.ok(selectID(0x3F00)) }, func() { s.send(finishes(make([]byte, 3))) }} {
				between()
				s.enter(dirTUnion)
				next, _ := s.starts(s.sale())
				s.must(next > last, "expected a number above %08X, got %08X", last, next)
				last = next
			}
		}},
	{"module-counter-file", Text{"Transaction number in its file", "交易序号文件"}, moduleFiles,
		Text{"File 18 of the directory has the number that was given last.", "目录的文件 18 为最近给出的序号。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			seq, _ := s.starts(s.sale())
			b, sw := s.send(readBinary(0x18, 4))
			if sw != apdu.SWOK || len(b) != 4 {
				s.skip("the module does not show its counter in file 18", "模块的文件 18 不是交易序号")
			}
			s.must(binary.BigEndian.Uint32(b) == seq, "expected %08X in file 18, got %X", seq, b)
		}},
	{"module-credit-early", Text{"MAC2 without a purchase", "无交易的 MAC2"}, moduleCredit,
		Text{"CREDIT_SAM_FOR_PURCHASE without a purchase is answered with 6901.", "无已开始交易时应答 6901。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			s.refused(finishes(make([]byte, 4)), apdu.SWWrongState)
		}},
	{"module-credit-wrong", Text{"A wrong MAC2", "MAC2 错误"}, moduleCredit,
		Text{"A wrong MAC2 is answered with 9302 and ends the purchase; a right one follows.", "MAC2 错误应答 9302 并结束交易，随后可正常交易。"}, needModuleKeys, func(s *session) {
			s.enter(dirTUnion)
			x := s.sale()
			s.startsSound(dirTUnion, x)
			good := epurse.PurchaseMAC2(s.saleSession(dirTUnion, x), x.what.Amount)
			bad := good
			bad[0] ^= 1
			defer s.aside(func(s *session) { s.sells(epurse.TDES) })
			s.refused(finishes(bad[:]), apdu.SWPurseMAC)
			s.refused(finishes(good[:]), apdu.SWWrongState)
		}},
	{"module-credit-twice", Text{"MAC2 twice", "重复的 MAC2"}, moduleCredit,
		Text{"The same MAC2 again is answered with 6901.", "再次发送同一 MAC2 应答 6901。"}, needModuleKeys, func(s *session) {
			c := s.sells(epurse.TDES)
			s.refused(c, apdu.SWWrongState)
		}},
	{"module-credit-elsewhere", Text{"MAC2 after another selection", "重新选择后的 MAC2"}, moduleCredit,
		Text{"A purchase is over when a directory is selected: 6901.", "重新选择目录后交易终止，应答 6901。"}, needModuleKeys, func(s *session) {
			s.enter(dirTUnion)
			x := s.sale()
			s.startsSound(dirTUnion, x)
			mac2 := epurse.PurchaseMAC2(s.saleSession(dirTUnion, x), x.what.Amount)
			s.enter(dirTUnion)
			s.refused(finishes(mac2[:]), apdu.SWWrongState)
		}},
	{"module-key-index", Text{"Unknown purchase key", "未知消费密钥"}, moduleInit,
		Text{"A key index or algorithm that the module does not have is answered with 9403.", "不存在的密钥索引或算法应答 9403。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			x := s.sale()
			x.index = 0xEE
			s.refused(x.command(), apdu.SWPurseKeyIndex)
			x.index, x.alg = 1, 0x77
			s.refused(x.command(), apdu.SWPurseKeyIndex)
		}},
	{"module-lengths", Text{"Lengths of a module's commands", "模块命令长度"}, moduleInit,
		Text{"Data that are cut, and factors of another number than the key's, are answered with 6700.", "数据不完整或因子个数不符应答 6700。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			c := s.sale().command()
			for _, n := range []int{0, 20, len(c.Data) - 8, len(c.Data) - 1} {
				d := c
				d.Data = c.Data[:n]
				s.refused(d, apdu.SWWrongLength)
			}
			s.refused(finishes(make([]byte, 3)), apdu.SWWrongLength)
		}},
	{"module-type", Text{"Types that are no purchase", "非消费类型"}, moduleInit,
		Text{"A load, an unload or an overdraft update is no purchase: refused, without a number.", "圈存、圈提与透支更新不是消费，被拒绝且不给序号。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			for _, kind := range []epurse.Type{0, epurse.LoadED, epurse.LoadEP, epurse.Unload, epurse.Overdraft} {
				x := s.sale()
				x.what.Type = kind
				s.denied(x.command())
			}
		}},
	{"module-code", Text{"Authentication code at the module", "模块的认证码"}, codeClause,
		Text{"In the directory of City Union a purchase wants the card's code first, MAC1 has it in it, and it serves once.", "城市通目录中消费须先给出认证码，MAC1 含认证码，且仅用一次。"}, needModuleKeys, func(s *session) {
			s.enter(dirCity)
			x := s.sale()
			s.refused(x.command(), apdu.SWConditions)
			x.what.AuthCode = []byte{0x85, 1, 2, 3, 4, 5, 6, 7, 8}
			s.ok(command(0x80, 0xCA, 0, 0, x.what.AuthCode, apdu.NoLe))
			_, mac1 := s.starts(x)
			want := epurse.PurchaseMAC1(s.saleSession(dirCity, x), &x.what)
			s.must(epurse.Equal(want, mac1), "expected MAC1 with the code, got %X", mac1)
			s.refused(x.command(), apdu.SWConditions)
		}},
	{"module-mac", Text{"MAC of a journey record", "行程记录校验码"}, moduleCrypt,
		Text{"DES CRYPT with a record's key gives the code of UPDATE CAPP DATA CACHE.", "以记录密钥作加密计算得到更新扩展缓存的校验码。"}, needModuleKeys, func(s *session) {
			for _, alg := range []epurse.Alg{epurse.TDES, epurse.SM4} {
				index, key := s.recordKeyOf(alg)
				s.ok(prepares(1, typeMAC, index, wireFactors(moduleFactors[1:])))
				size := alg.BlockSize()
				data := s.random(3*size - 1)
				start := make([]byte, size)
				start[size-1] = 7
				got := s.ok(crypts(cryptWhole, append(append(start, data...), 0x80)))
				want := journeyMAC(knownAlg(alg), key, startOf(7), data)
				s.must(bytes.Equal(got, want[:]), "expected the code %X with %v, got %X", want, alg, got)
			}
		}},
	{"module-mac-parts", Text{"MAC in parts", "分段计算校验码"}, moduleCrypt,
		Text{"A message sent in parts has the MAC of the whole one.", "分段发送与一次发送得到相同的校验码。"}, needModule, func(s *session) {
			s.recordDirectory()
			s.ok(prepares(1, typeMAC, 0x15, wireFactors(moduleFactors[1:])))
			data := s.random(32)
			whole := s.ok(crypts(cryptWhole, data))
			s.must(len(whole) == 4, "expected a MAC of four bytes, got %X", whole)
			s.chunk(cryptFirst, data[:16])
			s.chunk(cryptMiddle, data[16:24])
			parts := s.ok(crypts(cryptLast, data[24:]))
			s.must(bytes.Equal(parts, whole), "expected the MAC %X in parts too, got %X", whole, parts)
		}},
	{"module-mac-only", Text{"A MAC key enciphers nothing", "校验密钥不可加密"}, "JR/T 0025.2 (2010), separation of keys",
		Text{"Enciphering with a key for MACs is answered with 6985.", "以校验密钥加密应答 6985。"}, needModule, func(s *session) {
			s.recordDirectory()
			s.ok(prepares(1, typeMAC, 0x15, wireFactors(moduleFactors[1:])))
			s.refused(crypts(cryptEncipher, make([]byte, 8)), apdu.SWConditions)
		}},
	{"module-encipher-only", Text{"An enciphering key makes no MAC", "加密密钥不可计算校验码"}, "JR/T 0025.2 (2010), separation of keys",
		Text{"A key for enciphering gives the block enciphered, and no MAC: 6985.", "加密密钥给出密文，计算校验码应答 6985。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			if _, sw := s.send(prepares(2, typeEncipher, 1, wireFactors(moduleFactors))); sw != apdu.SWOK {
				s.skip("the module has no enciphering key 01", "模块无加密密钥 01")
			}
			data := s.random(8)
			got := s.ok(crypts(cryptEncipher, data))
			s.must(len(got) == 8, "expected a block of eight bytes, got %X", got)
			if s.opts.Secrets != nil {
				key := s.moduleKey(epurse.TDES, dirTUnion, "encipher", 1, moduleFactors)
				want := epurse.Authentication(epurse.TDES, key, data)
				s.must(bytes.Equal(got, want[:]), "expected the block enciphered, got %X", got)
			}
			s.refused(crypts(cryptWhole, make([]byte, 16)), apdu.SWConditions)
		}},
	{"module-purchase-key", Text{"A purchase key for purchases alone", "消费密钥仅供消费"}, "JR/T 0025.2 (2010), separation of keys",
		Text{"INIT_FOR_DESCRYPT of a purchase key is refused, and nothing is prepared.", "以消费密钥作加密准备被拒绝，且无可用密钥。"}, needModule, func(s *session) {
			s.enter(dirTUnion)
			s.denied(prepares(2, typePurchase, 1, wireFactors(moduleFactors)))
			s.refused(crypts(cryptEncipher, make([]byte, 8)), apdu.SWWrongState)
		}},
	{"module-levels", Text{"No key of a higher level", "不可使用上级密钥"}, "JR/T 0025.2 (2010), separation of keys",
		Text{"Fewer factors than the key has levels are refused.", "因子个数少于密钥级数被拒绝。"}, needModule, func(s *session) {
			s.recordDirectory()
			s.denied(prepares(0, typeMAC, 0x15, nil))
			s.denied(prepares(2, typeMAC, 0x15, wireFactors(moduleFactors)))
		}},
	{"module-key-unknown", Text{"Unknown working key", "未知工作密钥"}, modulePrepare,
		Text{"A key that the directory does not have is answered with 6A88.", "目录中不存在的密钥应答 6A88。"}, needModule, func(s *session) {
			s.recordDirectory()
			s.refused(prepares(1, typeMAC, 0xEE, wireFactors(moduleFactors[1:])), apdu.SWDataNotFound)
		}},
	{"module-crypt-early", Text{"DES CRYPT without a key", "未准备密钥的加密"}, moduleCrypt,
		Text{"DES CRYPT without a prepared key, and after another selection, is answered with 6901.", "未准备密钥或重新选择后的加密命令应答 6901。"}, needModule, func(s *session) {
			s.recordDirectory()
			s.refused(crypts(cryptWhole, make([]byte, 16)), apdu.SWWrongState)
			s.ok(prepares(1, typeMAC, 0x15, wireFactors(moduleFactors[1:])))
			s.recordDirectory()
			s.refused(crypts(cryptWhole, make([]byte, 16)), apdu.SWWrongState)
		}},
	{"module-delivery", Text{"DELIVERY KEY", "过程密钥"}, "LD/T 32, external authentication",
		Text{"A process factor makes the key with which the module proves itself to a social security card.", "过程因子生成用于社会保障卡外部认证的密钥。"}, needModuleKeys, moduleDelivers},
	{"module-locks", Text{"Three wrong MAC2", "三次 MAC2 错误"}, moduleCredit,
		Text{"The third wrong MAC2 in a row locks the directory for good, 9303, and no other.", "连续第三次 MAC2 错误永久锁定该目录（9303），不影响其他目录。"}, needModuleKeys | needDestructive | needSacrifice, func(s *session) {
			for n := range 3 {
				s.enter(dirTUnion)
				x := s.sale()
				s.startsSound(dirTUnion, x)
				bad := epurse.PurchaseMAC2(s.saleSession(dirTUnion, x), x.what.Amount)
				bad[0] ^= 1
				want := apdu.SWPurseMAC
				if n == 2 {
					want = apdu.SWPurseLocked
				}
				s.refused(finishes(bad[:]), want)
				if n < 2 {
					s.again()
				}
			}
			s.refused(s.sale().command(), apdu.SWPurseLocked)
			s.again()
			s.ok(selectID(0x3F00))
			s.send(selectID(dirTUnion))
			s.refused(s.sale().command(), apdu.SWPurseLocked)
			s.enter(dirTransit)
			s.ok(prepares(1, typeMAC, 0x15, wireFactors(moduleFactors[1:])))
		}},
}

// sells makes a whole purchase with the module and gives its last command.
func (s *session) sells(alg epurse.Alg) apdu.Command {
	s.enter(dirTUnion)
	x := s.sale()
	x.alg = alg
	data, sw := s.send(x.command())
	if sw == apdu.SWPurseKeyIndex {
		s.skip("the module has no such purchase key", "模块无该消费密钥")
	}
	s.must(sw == apdu.SWOK && len(data) == 8, "expected a transaction number and MAC1, got %X %v", data, sw)
	x.what.TerminalSeq = binary.BigEndian.Uint32(data)
	name := moduleKeyName(dirTUnion, "purchase", x.index)
	s.agrees(epurse.PurchaseMAC1(s.saleSession(dirTUnion, x), &x.what), data[4:], name, "MAC1")
	mac2 := epurse.PurchaseMAC2(s.saleSession(dirTUnion, x), x.what.Amount)
	c := finishes(mac2[:])
	s.taken(c, name)
	return c
}

// recordDirectory selects the directory with the keys of journey records.
func (s *session) recordDirectory() { s.enter(dirTransit) }

// recordKeyOf selects that directory and gives index and value of the key of metro
// records for the factor of the made-up card.
func (s *session) recordKeyOf(alg epurse.Alg) (byte, epurse.Key) {
	index := byte(0x15)
	if alg == epurse.SM4 {
		index = 0x55
	}
	s.recordDirectory()
	return index, s.moduleKey(alg, dirTransit, "mac", index, moduleFactors[1:])
}

// chunk sends a part of a message, which is answered with 9000 alone.
func (s *session) chunk(p1 byte, data []byte) {
	c := crypts(p1, data)
	c.Le = apdu.NoLe
	got := s.ok(c)
	s.must(len(got) == 0, "expected no data after a part of a message, got %X", got)
}

// moduleDelivers checks the key of a process factor.
func moduleDelivers(s *session) {
	s.enter(dirSocial)
	key := s.moduleKey(epurse.SM4, dirSocial, "both", 7, moduleFactors)
	factor, raw := s.random(8), s.random(8)
	s.ok(command(0xBF, 0xDE, 2<<5|typeBoth, 7, append(wireFactors(moduleFactors), factor...), apdu.NoLe))
	got := s.ok(crypts(cryptEncipher, raw))
	session := sessionOf(knownAlg(epurse.SM4), key, factor)
	want := epurse.Authentication(epurse.SM4, session, raw)
	s.must(bytes.Equal(got, want[:]), "expected the bytes enciphered under the key of the factor, got %X", got)
}
