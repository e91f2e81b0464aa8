package terminal

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/wire/tlv"
)

// object is one data object of a card.
type object struct {
	tag   tlv.Tag
	value []byte
}

// objects are data objects in their order.
type objects []object

// get gives the value of the first object with a tag, nil if there is none.
func (o objects) get(tag tlv.Tag) []byte {
	for _, x := range o {
		if x.tag == tag {
			return x.value
		}
	}
	return nil
}

// set changes an object, or adds it at the end.
func (o *objects) set(tag tlv.Tag, value ...byte) {
	for i := range *o {
		if (*o)[i].tag == tag {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, object{tag, value})
}

// add puts an object at the end, even if there is one with its tag.
func (o *objects) add(tag tlv.Tag, value ...byte) { *o = append(*o, object{tag, value}) }

// remove takes every object with a tag out.
func (o *objects) remove(tag tlv.Tag) {
	*o = slices.DeleteFunc(*o, func(x object) bool { return x.tag == tag })
}

// append appends the objects as TLV.
func (o objects) append(dst []byte) []byte {
	for _, x := range o {
		dst = tlv.Append(dst, x.tag, x.value)
	}
	return dst
}

// wrap is the objects inside a template.
func (o objects) wrap(tag tlv.Tag) []byte { return tlv.Append(nil, tag, o.append(nil)) }

// record is one record of a card's files.
type record struct {
	sfi, number byte
	signed      bool // part of the static data to be authenticated
	objects     objects
	// raw is what the card answers instead of template 70 with the objects; nil: nothing else.
	raw []byte
}

// content is what READ RECORD answers.
func (r *record) content() []byte {
	if r.raw != nil {
		return r.raw
	}
	return r.objects.wrap(tlv.TagRecordTemplate)
}

// locator makes the AFL of records in their order: neighbours of one file share an
// entry as long as the signed ones come first (EMV Book 3, 10.2).
func locator(records []record) []byte {
	var afl []byte
	for i := range records {
		r := &records[i]
		if n := len(afl); n > 0 && afl[n-4] == r.sfi<<3 && afl[n-2]+1 == r.number && (!r.signed || afl[n-1] == afl[n-2]-afl[n-3]+1) {
			afl[n-2]++
			if r.signed {
				afl[n-1]++
			}
			continue
		}
		signed := byte(0)
		if r.signed {
			signed = 1
		}
		afl = append(afl, r.sfi<<3, r.number, r.number, signed)
	}
	return afl
}

// dol is a list of tags with lengths as bytes.
func dol(pairs ...int) []byte {
	var b bytes.Buffer
	for i := 0; i+1 < len(pairs); i += 2 {
		tag := tlv.Tag(pairs[i])
		for n := tag.Size() - 1; n >= 0; n-- {
			b.WriteByte(byte(tag >> (8 * n)))
		}
		b.WriteByte(byte(pairs[i+1]))
	}
	return b.Bytes()
}
