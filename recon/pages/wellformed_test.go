package pages

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// balancedTags reports whether every element of a page is closed in its place.
func balancedTags(page string) error {
	void := map[string]bool{"meta": true, "input": true, "br": true}
	if i, j := strings.Index(page, "<style>"), strings.Index(page, "</style>"); i >= 0 {
		page = page[:i] + page[j+len("</style>"):]
	}
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.Entity = false, xml.HTMLEntity
	var open []string
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if !void[e.Name.Local] {
				open = append(open, e.Name.Local)
			}
		case xml.EndElement:
			if void[e.Name.Local] {
				continue
			}
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				return fmt.Errorf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v stay open", open)
	}
	return nil
}
