package csource

import (
	"regexp"
	"slices"
	"strings"
)

var (
	identifier = regexp.MustCompile(`[\pL_]\w*`)
	// typeWords are never names of parameters.
	typeWords = strings.Fields("void bool _Bool char short int long float double signed unsigned const volatile restrict struct union enum auto")
)

// Parameters returns the names of the function's parameters, in order. It is
// false where a call cannot pass them all on: one has no name, or there are "...".
func (f Function) Parameters() ([]string, bool) {
	_, list := f.splitSignature()
	names := []string{}
	if text := strings.TrimSpace(list); text == "" || text == "void" {
		return names, true
	}
	for _, p := range splitList(list) {
		name, ok := parameterName(p)
		if !ok {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// ReturnsVoid reports whether the function's head says that it returns nothing.
func (f Function) ReturnsVoid() bool {
	head, _ := f.splitSignature()
	return slices.Contains(identifier.FindAllString(head, -1), "void") && !strings.ContainsAny(head, "*&")
}

// splitSignature cuts what stands before the name and the parameter list out of
// the signature.
func (f Function) splitSignature() (head, list string) {
	name := f.Name[strings.LastIndexByte(f.Name, ':')+1:]
	for _, at := range identifier.FindAllStringIndex(f.Signature, -1) {
		rest := strings.TrimLeft(f.Signature[at[1]:], " ")
		if f.Signature[at[0]:at[1]] != name || !strings.HasPrefix(rest, "(") {
			continue
		}
		depth := 0
		for i, c := range rest {
			switch c {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					return f.Signature[:at[0]], rest[1:i]
				}
			}
		}
	}
	return f.Signature, ""
}

// splitList splits at the commas outside of brackets.
func splitList(list string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range list {
		switch c {
		case '(', '[', '<', '{':
			depth++
		case ')', ']', '>', '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, list[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, list[start:])
}

func parameterName(p string) (string, bool) {
	p, _, _ = strings.Cut(p, "=")
	if _, pointer, ok := strings.Cut(p, "(*"); ok { // a function's or an array's
		p, _, _ = strings.Cut("* "+pointer, ")")
	}
	p, _, _ = strings.Cut(p, "[")
	words := identifier.FindAllString(p, -1)
	if len(words) == 0 || len(words) == 1 && !strings.Contains(p, "*") {
		return "", false
	}
	name := words[len(words)-1]
	return name, strings.HasSuffix(strings.TrimSpace(p), name) && !slices.Contains(typeWords, name)
}
