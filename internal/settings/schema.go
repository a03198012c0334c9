package settings

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// A Field describes one setting.
type Field struct {
	Key     string   // dotted: "lenses.state"
	Kind    Kind     //
	Enum    []string // the words it may hold; nil if it is not one of a list
	Min     int      // of a number
	Max     int      // of a number
	Machine bool     // belongs to the machine, not to the project: an editor must not share it
	Doc     string   // the comment on its declaration
	Default any      // string, int or bool

	index []int // in Settings, for reflect
}

// Kind is the type of a setting's value.
type Kind string

const (
	Text   Kind = "string"
	Path   Kind = "path" // of a file; a relative one is resolved against the layer's directory
	Port   Kind = "port" // like Text, except that the path in sim:path is resolved
	Number Kind = "number"
	Switch Kind = "boolean"
)

// Schema lists the settings in the order of their declaration.
func Schema() []Field { return schema() }

var schema = sync.OnceValue(func() []Field {
	docs := fieldDocs(source)
	var fields []Field
	var walk func(v reflect.Value, prefix string, index []int)
	walk = func(v reflect.Value, prefix string, index []int) {
		t := v.Type()
		for i := range t.NumField() {
			sf := t.Field(i)
			at := append(append([]int(nil), index...), i)
			key := prefix + sf.Tag.Get("json")
			if sf.Type.Kind() == reflect.Struct {
				walk(v.Field(i), key+".", at)
				continue
			}
			f := Field{
				Key: key, Doc: docs[t.Name()+"."+sf.Name], Default: v.Field(i).Interface(),
				Machine: sf.Tag.Get("scope") == "machine", index: at,
			}
			switch sf.Type.Kind() {
			case reflect.Int:
				f.Kind = Number
				f.Min, _ = strconv.Atoi(sf.Tag.Get("min"))
				f.Max, _ = strconv.Atoi(sf.Tag.Get("max"))
			case reflect.Bool:
				f.Kind = Switch
			default:
				f.Kind = Text
				if k := sf.Tag.Get("kind"); k != "" {
					f.Kind = Kind(k)
				}
			}
			if words := sf.Tag.Get("enum"); words != "" {
				f.Enum = strings.Split(words, ",")
			}
			fields = append(fields, f)
		}
	}
	walk(reflect.ValueOf(Defaults()), "", nil)
	return fields
})

func field(key string) (Field, bool) {
	for _, f := range schema() {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// source is where the fields' comments are read from: what the reference says
// cannot differ from what the reader of the code sees.
//
//go:embed settings.go
var source string

// fieldDocs returns the comments on the fields of the structs in src, by
// "Type.Field".
func fieldDocs(src string) map[string]string {
	docs := make(map[string]string)
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", src, parser.ParseComments)
	if err != nil {
		return docs // it was compiled, so it parses
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				for _, name := range f.Names {
					docs[spec.Name.Name+"."+name.Name] = strings.TrimSpace(f.Doc.Text())
				}
			}
		}
		return true
	})
	return docs
}
