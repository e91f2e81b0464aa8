package describe

import (
	"fmt"
	"strings"
)

// Text prints a tree, one field a line: offset, tag, name, length, value, then
// what it means; bits and inner fields are indented below.
func Text(items []Item, o Options) string {
	var b strings.Builder
	writeItems(&b, items, 0, o)
	return b.String()
}

func writeItems(b *strings.Builder, items []Item, level int, o Options) {
	indent := strings.Repeat("  ", level)
	for i := range items {
		it := &items[i]
		fmt.Fprintf(b, "%04d  %s", it.Offset, indent)
		if it.Tag != "" {
			fmt.Fprintf(b, "%s ", it.Tag)
		}
		name := it.Name
		if name == "" {
			name = o.pick("unknown tag", "未知标签")
		}
		fmt.Fprintf(b, "%s (%d)", name, it.Length)
		if it.Value != "" {
			fmt.Fprintf(b, ": %s", it.Value)
		}
		if it.Text != "" {
			fmt.Fprintf(b, " = %s", it.Text)
		}
		if it.Note != "" {
			fmt.Fprintf(b, " [%s]", it.Note)
		}
		b.WriteByte('\n')
		for _, bit := range it.Bits {
			fmt.Fprintf(b, "      %s  - %d.%s %s\n", indent, bit.Byte, bit.Bits, bit.Text)
		}
		writeItems(b, it.Fields, level+1, o)
	}
}
