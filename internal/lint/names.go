package lint

import (
	"path"
	"regexp"
	"strings"
)

// emptyNames are package names that say nothing about what is inside.
var emptyNames = regexp.MustCompile(`^(util|utils|common|commons|helper|helpers|misc|base|shared|lib|stuff)$`)

func checkNames(t *Tree, r *report) {
	for _, p := range t.Packages() {
		if base := path.Base(p.Dir); emptyNames.MatchString(base) {
			r.add(p.Files[0].Path, 1, "folder %s: name it for what it holds", base)
		}
		for _, f := range p.Files {
			name := f.Syntax.Name.Name
			if f.Test {
				name = strings.TrimSuffix(name, "_test")
			}
			switch {
			case f.Err != nil, name == "main":
			case emptyNames.MatchString(name):
				r.add(f.Path, f.Line(f.Syntax.Name.Pos()), "package %s: name it for what it holds", name)
			case name != path.Base(p.Dir):
				r.add(f.Path, f.Line(f.Syntax.Name.Pos()), "package %s in folder %s: give both one name", name, path.Base(p.Dir))
			}
		}
	}
}

// foreignPaths are places of the machine the code was written on: absolute paths
// into the folders where people and build machines keep their work. They are put
// together here so that this file does not break its own rule.
var foreignPaths = regexp.MustCompile(`(?:^|[^\w./-])(/(?:ro` + `ot|ho` + `me|Us` + `ers|bui` + `lds?|wo` + `rk(?:space)?)/[\w./-]+|/tmp/[\w-]+/[\w./-]+)(?:\W|$)`)

func checkPaths(t *Tree, r *report) {
	for _, a := range t.Assets {
		if a.Text == nil {
			continue
		}
		eachLine(a.Text, func(n int, line []byte) {
			if m := foreignPaths.FindSubmatch(line); m != nil {
				r.add(a.Path, n, "names %s: cite the standard and its clause, or a path inside the module", m[1])
			}
		})
	}
}
