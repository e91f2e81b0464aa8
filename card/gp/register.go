package gp

import "bytes"

// Register is what a domain's memory says, for tests and for people who look at a
// card from inside. It holds no keys.
type Register struct {
	Life LifeCycle
	// Failed counts the EXTERNAL AUTHENTICATE commands that failed one after the other.
	Failed int
	// Keys are the key sets in the order of their places; the first whole one is
	// the default.
	Keys []KeyInfo
	// Instances in the order of their places.
	Instances []InstanceInfo
}

// KeyInfo is a key set without its keys.
type KeyInfo struct {
	Version  byte
	Type     byte // 80 triple DES, 88 AES
	Whole    bool // else some of its keys have not come yet
	Sequence uint32
}

// InstanceInfo is an installed instance.
type InstanceInfo struct {
	AID, Module []byte
	Selectable  bool // else merely installed
	Locked      bool
	Privileges  byte
	Params      []byte
	Memory      []byte // a copy of its memory
}

// Decode reads the content of a domain's memory. The error is cos.ErrMemory.
func (d *Domain) Decode(b []byte) (Register, error) {
	if err := d.CheckMemory(b); err != nil {
		return Register{}, err
	}
	m := memory(b)
	r := Register{Life: m.life(), Failed: int(m[offFailed])}
	for i := range keyPlaces {
		if k := m.keys(i); k.version() != 0 {
			r.Keys = append(r.Keys, KeyInfo{k.version(), k.kind(), k.whole(), k.sequence()})
		}
	}
	for i := range MaxInstances {
		p := m.place(i)
		if p.free() {
			continue
		}
		block := bytes.Clone(m.heap()[p.start():][:p.extent()])
		r.Instances = append(r.Instances, InstanceInfo{
			AID: bytes.Clone(p.aid()), Module: d.profile.Modules[p.module()].ModuleAID(),
			Selectable: p.state()&^stateLocked == stateSelectable, Locked: p.state()&stateLocked != 0,
			Privileges: p.privileges(), Params: block[:p.params()], Memory: block[p.params():],
		})
	}
	return r, nil
}
