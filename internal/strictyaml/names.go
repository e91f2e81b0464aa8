package strictyaml

import (
	"io/fs"
	"strings"
)

// Names are the documents of a folder that is part of the program, without ".yaml",
// sorted. It panics if dir is no path, which is a fault of the program.
func Names(files fs.FS, dir string) []string {
	list, err := fs.Glob(files, dir+"/*.yaml")
	if err != nil {
		panic("strictyaml: the folder of embedded documents is no pattern: " + err.Error())
	}
	for i, f := range list {
		list[i] = strings.TrimSuffix(strings.TrimPrefix(f, dir+"/"), ".yaml")
	}
	return list
}
