package foreign

import "fmt"

func yuan(f interface{ String() string }) string { return f.String() }

func flashWords(f *Flash) words {
	amount := yuan(f.Amount)
	switch f.How {
	case aboutLoad:
		return words{
			fmt.Sprintf("The load of %s yuan at counter %04X never reached the card: the balance before counter %04X shows it.", amount, f.ATC, f.Q),
			fmt.Sprintf("计数器 %04X 的圈存 %s 元未写入卡片：计数器 %04X 之前的余额可证。", f.ATC, amount, f.Q),
		}
	case aboutMissing:
		return words{
			fmt.Sprintf("Counter %04X took %s yuan: the balances at %04X and %04X differ by it, and none of the files presents it within the window.", f.ATC, amount, f.P, f.Q) + f.wordWords().en,
			fmt.Sprintf("计数器 %04X 扣款 %s 元：%04X 与 %04X 的余额可证，且期限内所有文件均未上送。", f.ATC, amount, f.P, f.Q) + f.wordWords().zh,
		}
	}
	if f.word {
		return words{
			fmt.Sprintf("The card paid %s yuan at counter %04X and was not served, as the list of unfinished taps has it.", amount, f.ATC) + f.wordWords().en,
			fmt.Sprintf("据未完成交易清单，计数器 %04X 已扣款 %s 元而未提供服务。", f.ATC, amount) + f.wordWords().zh,
		}
	}
	return words{
		fmt.Sprintf("The card paid %s yuan at counter %04X: the balance before counter %04X shows it. It was not served, as the list of unfinished taps has it.", amount, f.ATC, f.Q),
		fmt.Sprintf("计数器 %04X 已扣款 %s 元：计数器 %04X 之前的余额可证；据未完成交易清单，未提供服务。", f.ATC, amount, f.Q),
	}
}

// wordWords tell of a finding that the balances alone leave open.
func (f *Flash) wordWords() words {
	if !f.word {
		return words{}
	}
	return words{
		fmt.Sprintf(" The balances alone leave open whether counter %04X was paid: that its last record was answered is only the terminal's word.", f.P),
		fmt.Sprintf("仅凭余额无法确定计数器 %04X 是否扣款：末条记录已应答只是终端所报。", f.P),
	}
}

func cloneWords(c *Clone) words {
	return words{
		fmt.Sprintf("Counter %04X stands for two different transactions: two chips have this card's keys, or a line is wrong or forged.", c.ATC),
		fmt.Sprintf("计数器 %04X 对应两笔不同的交易：存在克隆卡，或有记录错误或系伪造。", c.ATC),
	}
}

func undecidedWords(u *Undecided) words {
	amount := yuan(u.Amount)
	switch {
	case u.What == aboutClone:
		return words{
			fmt.Sprintf("Nothing is said of %s yuan at counter %04X: a counter beside it exists twice.", amount, u.ATC),
			fmt.Sprintf("计数器 %04X 的 %s 元不作判定：相邻计数器出现两次。", u.ATC, amount),
		}
	case u.What == aboutRefused:
		return words{
			fmt.Sprintf("Counter %04X took %s yuan, and no accepted line presents it; a refused line of this card may be about it: mend that line first.", u.ATC, amount),
			fmt.Sprintf("计数器 %04X 扣款 %s 元，已接受的记录均未上送；但该卡有一条被拒绝的记录可能就是此笔，请先修正该记录。", u.ATC, amount),
		}
	case u.What == aboutAbsent:
		d := dayList(u.absent)
		return words{
			fmt.Sprintf("Counter %04X took %s yuan, and none of the files presents it; but the clearing file of %s is not there and may do so: give it first.", u.ATC, amount, d.en),
			fmt.Sprintf("计数器 %04X 扣款 %s 元，现有文件均未上送；但缺少 %s 的清算文件，其中可能就有此笔，请先补齐。", u.ATC, amount, d.zh),
		}
	case u.Next == 0:
		return words{
			fmt.Sprintf("The tap over %s yuan at counter %04X is the card's last one: its next transaction will tell.", amount, u.ATC),
			fmt.Sprintf("计数器 %04X 的 %s 元是该卡最后一笔，下次交易即可判定。", u.ATC, amount),
		}
	case u.What == aboutLoad:
		return words{
			fmt.Sprintf("The load of %s yuan at counter %04X ran, or it did not and less was paid: both fit the balance before counter %04X.", amount, u.ATC, u.Next),
			fmt.Sprintf("计数器 %04X 的圈存 %s 元是否写入待定：两种情形均与计数器 %04X 之前的余额相符。", u.ATC, amount, u.Next),
		}
	}
	return words{
		fmt.Sprintf("The card paid %s yuan at counter %04X, or at a missing counter before %04X: both fit the balances.", amount, u.ATC, u.Next),
		fmt.Sprintf("%s 元扣于计数器 %04X 或 %04X 之前的缺失计数器，两种情形均与余额相符。", amount, u.ATC, u.Next),
	}
}

// breakPhrases by state. %[1]s is the amount in yuan, %[2]04X and %[3]04X the counters of
// the pair, %[4]s the day on which it is final.
var breakPhrases = map[string]words{
	"expected": {"%[1]s yuan were taken between counters %04[2]X and %04[3]X and not presented yet; final on %[4]s.",
		"计数器 %04[2]X 与 %04[3]X 之间扣款 %[1]s 元尚未上送；%[4]s 定案。"},
	"proven": {"%[1]s yuan were taken between counters %04[2]X and %04[3]X and never presented; which counter took what stays open.",
		"计数器 %04[2]X 与 %04[3]X 之间扣款 %[1]s 元，逾期未上送；各计数器金额无法判定。"},
	"collectable": {"The card paid %[1]s yuan at counter %04[2]X and was served: due to the operator, who never presented it.",
		"计数器 %04[2]X 已扣款 %[1]s 元且已提供服务：应付运营商，其尚未上送。"},
	"late": {"%[1]s yuan between counters %04[2]X and %04[3]X were presented after the window.",
		"计数器 %04[2]X 与 %04[3]X 之间的 %[1]s 元逾期后才上送。"},
	"unbacked": {"%[1]s yuan were presented at counter %04[2]X, and the card never paid them.",
		"计数器 %04[2]X 上送了 %[1]s 元，但卡片并未扣款。"},
	"impossible": {"The balance changed by %[1]s yuan between counters %04[2]X and %04[3]X in a way that no transaction allows: a clone, a rollback, or a load that is not in the files.",
		"计数器 %04[2]X 与 %04[3]X 之间余额异常变动 %[1]s 元，任何交易都无法解释：克隆、回滚，或文件中缺少圈存。"},
}

func breakWords(b *Break) words {
	p, known := breakPhrases[b.State]
	if !known {
		return words{b.State, b.State}
	}
	in := func(format string) string { return fmt.Sprintf(format, yuan(b.Amount), b.P, b.Q, b.Final) }
	a := absentWords(b.absent)
	return words{in(p.en) + a.en, in(p.zh) + a.zh}
}

// keysWords say what the certainty of a result means.
func keysWords(keys bool) words {
	if keys {
		return words{
			"Cryptograms and balance MACs were checked with keys. A finding is hard if all lines that it rests on were checked and the balances decide it, else soft: lines without field 55, of an issuer without keys, or a terminal's mere word.",
			"已用密钥校验应用密文与余额 MAC。所依据的记录全部通过校验且由余额即可判定者为“硬”结论；含无 55 域或无密钥发卡行的记录，或仅凭终端所报者，为“软”结论。",
		}
	}
	return words{
		"No keys were given, so cryptograms and balance MACs were not checked: every finding is soft. It holds if the files are genuine; check with keys before money moves.",
		"未提供密钥，应用密文与余额 MAC 未经校验：全部结论均为“软”结论，仅在文件真实时成立；付款前请用密钥复核。",
	}
}

// Localise fills every sentence of the result in a language, "zh" or any other for
// English.
func (r *Result) Localise(lang string) {
	in := func(w words) string {
		if lang == "zh" {
			return w.zh
		}
		return w.en
	}
	r.Certainty = in(keysWords(r.Keys != "none"))
	if r.Nameless > 0 {
		r.Certainty += in(words{
			fmt.Sprintf(" %d refused lines do not say of which card they are: a payment in them seems missing here, so mend them before money moves.", r.Nameless),
			fmt.Sprintf("另有 %d 条被拒绝的记录无法识别卡号：其中的消费在此会显得缺失，付款前请先修正。", r.Nameless),
		})
	}
	if r.CutOff > 0 {
		r.Certainty += in(words{
			fmt.Sprintf(" The trailers of %d files are missing or differ: payments may be missing here that the whole files present.", r.CutOff),
			fmt.Sprintf("有 %d 个文件缺少尾记录或与尾记录不符：完整文件中的消费在此可能显得缺失。", r.CutOff),
		})
	}
	r.Certainty += in(r.missingFiles())
	for i := range r.FlashCards {
		r.FlashCards[i].Sentence = in(r.FlashCards[i].sentence)
	}
	for i := range r.FlashLoads {
		r.FlashLoads[i].Sentence = in(r.FlashLoads[i].sentence)
	}
	for i := range r.Clones {
		r.Clones[i].Sentence = in(r.Clones[i].sentence)
	}
	for i := range r.Undecided {
		r.Undecided[i].Sentence = in(r.Undecided[i].sentence)
	}
	for i := range r.Breaks {
		r.Breaks[i].Sentence = in(r.Breaks[i].sentence)
	}
	for i := range r.Files {
		for k := range r.Files[i].Reasons {
			r.Files[i].Reasons[k].Text = r.Files[i].Reasons[k].Reason.In(lang)
		}
	}
}

// Words is the sentence in English and in Chinese.
func (f *Flash) Words() (en, zh string) { return f.sentence.en, f.sentence.zh }

// Words is the sentence in English and in Chinese.
func (c *Clone) Words() (en, zh string) { return c.sentence.en, c.sentence.zh }

// Words is the sentence in English and in Chinese.
func (u *Undecided) Words() (en, zh string) { return u.sentence.en, u.sentence.zh }

// Words is the sentence in English and in Chinese.
func (b *Break) Words() (en, zh string) { return b.sentence.en, b.sentence.zh }
