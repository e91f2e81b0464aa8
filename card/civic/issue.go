package civic

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/tlv"
)

// Identifiers and lengths of what a data file does not name.
const (
	keyFile  = 0x0010
	infoHead = 30 // bytes of a file that 9F0C shows
)

const tagFileHead tlv.Tag = 0x9F0C

// Issue is what makes a partition that of one card. One Issue serves all partitions
// of the card; each takes what it knows.
type Issue struct {
	// Values are the values of fields by the field's name, in the notation of data
	// files: the text of an, the digits of cn, hexadecimal digits of b and gbk. A
	// field without one has the value of its data file.
	Values map[string]string
	// Factors diversify the masters one after the other; a partition names those
	// that it wants: area and card of a social security card (LD/T 32), or region
	// and card number.
	Factors map[string]epurse.Factor
	// Master gives the master of a key, named "partition/key" or
	// "partition/directory/key", the directory by its identifier in hexadecimal.
	Master func(name string) cryptogram.Key
}

// Template makes the partition of one card, an application for card.Assemble. It
// fails with ErrPartition if a value does not fit its field or a factor is missing.
func (p *Partition) Template(in *Issue) (*files.Template, error) {
	t, err := p.template(in)
	if err != nil {
		return nil, fmt.Errorf("issue partition %s: %w: %w", p.name, err, ErrPartition)
	}
	return t, nil
}

func (p *Partition) template(in *Issue) (*files.Template, error) {
	adf, err := p.directory.spec(in)
	if err != nil {
		return nil, err
	}
	if err := p.showHead(&adf); err != nil {
		return nil, err
	}
	for i := range p.below {
		s := &p.below[i]
		df, err := s.directory.spec(in)
		if err != nil {
			return nil, err
		}
		if df.Children, err = p.withKeys(in, df.Children, s.keys, fmt.Sprintf("%s/%04X/", p.name, s.id)); err != nil {
			return nil, err
		}
		adf.Children = append(adf.Children, df)
	}
	mf := cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Rules: locked(), LineKey: p.line, Children: []cos.FileSpec{adf}}
	if mf.Children, err = p.withKeys(in, mf.Children, p.keys, p.name+"/"); err != nil {
		return nil, err
	}
	return files.NewTemplate(p.aid, cos.FileSystemSpec{MF: mf})
}

// showHead puts the first bytes of a file into the FCI, as the purse of JT/T 978
// shows its EF15.
func (p *Partition) showHead(adf *cos.FileSpec) error {
	if p.infoFile == 0 {
		return nil
	}
	for _, f := range adf.Children {
		if f.ID == p.infoFile && f.Kind == cos.Transparent {
			var head [infoHead]byte
			copy(head[:], f.Content)
			adf.Info = tlv.Append(adf.Info, tagFileHead, head[:min(infoHead, f.Size)])
			return nil
		}
	}
	return fmt.Errorf("file %04X for the FCI is not there or not transparent", p.infoFile)
}

// withKeys adds a key file to the files of a directory.
func (p *Partition) withKeys(in *Issue, children []cos.FileSpec, keys []key, path string) ([]cos.FileSpec, error) {
	if len(keys) == 0 {
		return children, nil
	}
	factors := make([]epurse.Factor, len(p.factors))
	for i, name := range p.factors {
		f, ok := in.Factors[name]
		if !ok {
			return nil, fmt.Errorf("factor %q is missing", name)
		}
		factors[i] = f
	}
	specs := make([]cos.KeySpec, len(keys))
	for i, k := range keys {
		specs[i] = k.spec
		if k.spec.Usage == cos.UsePIN {
			continue
		}
		value := epurse.Diversify(algorithm(k.spec.Alg), in.Master(path+k.name), factors...)
		specs[i].Value = value[:]
	}
	return append(children, cos.FileSpec{Kind: cos.Keys, ID: keyFile, Rules: locked(), Capacity: len(specs), Keys: specs}), nil
}

// algorithm is that of a key in the numbering of package epurse.
func algorithm(a cryptogram.Alg) epurse.Alg {
	if a == cryptogram.SM4 {
		return epurse.SM4
	}
	return epurse.TDES
}

// spec describes the directory and its files, without keys.
func (d *directory) spec(in *Issue) (cos.FileSpec, error) {
	out := cos.FileSpec{Kind: cos.DF, ID: d.id, Name: d.aid, Rules: d.rules, LineKey: d.line, Info: append([]byte(nil), d.info...)}
	for i := range d.files {
		f, err := d.files[i].spec(in)
		if err != nil {
			return out, fmt.Errorf("file %04X: %w", d.files[i].id, err)
		}
		f.LineKey = d.line
		out.Children = append(out.Children, f)
	}
	return out, nil
}

// spec describes the file with the values of one card. A file of records has one
// record for each field: tag, length, value (LD/T 32); the others have the values
// side by side, and lists and rings begin empty.
func (f *file) spec(in *Issue) (cos.FileSpec, error) {
	out := cos.FileSpec{Kind: f.kind, ID: f.id, SFI: f.sfi, Rules: f.rules}
	length := 0
	for i := range f.fields {
		v := &f.fields[i]
		length += v.length
		value := v.value
		if text, ok := in.Values[v.name]; ok && v.name != "" {
			var err error
			if value, err = v.encode(text); err != nil {
				return out, err
			}
		}
		switch f.kind {
		case cos.Variable:
			out.RecordLength = max(out.RecordLength, 2+v.length)
			out.Records = append(out.Records, append([]byte{v.tag, byte(v.length)}, value...))
		case cos.Transparent:
			out.Content = append(out.Content, value...)
		}
	}
	switch f.kind {
	case cos.Variable:
		out.Capacity = len(f.fields)
	case cos.Transparent:
		out.Size = f.size
		if f.size == 0 {
			out.Size = length
		}
	default:
		out.RecordLength, out.Capacity = length, f.capacity
	}
	return out, nil
}
