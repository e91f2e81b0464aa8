package fare

import (
	"fmt"
	"slices"
)

// parseOperators gives every line its operator; the table must name each line once.
func (p *parser) parseOperators() error {
	b := p.book
	b.operators = make([]Operator, 1)
	byName := map[string]OperatorID{}
	err := eachRow(OperatorsFile, p.files[OperatorsFile], []string{"line", "operator", "confidence"}, func(r *row) error {
		id, err := p.line(r, 0)
		if err != nil {
			return err
		}
		line := &b.lines[id]
		if line.Operator != 0 {
			return r.fail(0, line.Name+" is listed twice", "keep one row a line")
		}
		name, err := r.name(1)
		if err != nil {
			return err
		}
		line.Confidence = r.fields[2]
		if !slices.Contains([]string{"sure", "probable", "unsure"}, line.Confidence) {
			return r.fail(2, fmt.Sprintf("%q is not a degree of confidence", clip(line.Confidence)), "write sure, probable or unsure")
		}
		if byName[name] == 0 {
			byName[name] = OperatorID(len(b.operators))
			b.operators = append(b.operators, Operator{ID: byName[name], Name: name})
		}
		line.Operator = byName[name]
		return nil
	})
	if err != nil {
		return err
	}
	for _, line := range b.lines[1:] {
		if line.Operator == 0 {
			return &Error{File: OperatorsFile, Field: line.Name, Problem: "line has no operator", Fix: "add a row for it"}
		}
	}
	return nil
}
