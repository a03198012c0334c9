package problem

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"sync"
)

// A Description is one entry of the published list.
type Description struct {
	Code    Code   `json:"code"`
	Meaning string `json:"meaning"`
}

// Codes is the published list of codes, in the order of their declaration.
func Codes() []Description { return codes() }

// codesSource is where the list is read from: what is published cannot differ
// from what the reader of the code sees.
//
//go:embed codes.go
var codesSource string

var codes = sync.OnceValue(func() []Description {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", codesSource, parser.ParseComments)
	if err != nil {
		return nil // it was compiled, so it parses
	}
	var list []Description
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			if code, err := strconv.Unquote(literal.Value); err == nil {
				list = append(list, Description{Code(code), strings.TrimSpace(spec.Comment.Text())})
			}
		}
		return true
	})
	return list
})
