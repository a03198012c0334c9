package command

import (
	"encoding"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
)

// module is what the import paths of this program's packages begin with.
const module = "github.com/fpbls/fpbls/"

// Reference returns the page on commands and notifications, in Markdown. It reads
// the comments from source, the root of this program's source tree.
func Reference(source fs.FS) (string, error) {
	r := reference{source: source, docs: make(map[string]string), parsed: make(map[string]bool)}
	service := reflect.TypeFor[Service]()
	if err := r.parse(service.PkgPath()); err != nil {
		return "", err
	}
	fmt.Fprintf(&r.b, "# Commands and notifications of fpbls\n\nThe protocol version is %d. %s\n", ProtocolVersion, r.docs[service.PkgPath()+".ProtocolVersion"])
	r.b.WriteString("\n## Commands\n\nThey are run with `workspace/executeCommand`. `arguments` holds one object; where every member is optional it may be empty.\n" +
		"An error carries `data.code`, one of the published codes, and `data.hint`.\n")
	for _, c := range commands {
		fmt.Fprintf(&r.b, "\n### `%s`: %s\n\n%s\n\n", c.ID, c.Title, r.docs[service.PkgPath()+".Service."+c.Method])
		r.object("Arguments", c.Args, true)
		r.object("Result", c.Result, false)
	}
	r.b.WriteString("\n## Notifications\n")
	for _, n := range Notifications() {
		from := "client to server"
		if n.FromServer {
			from = "server to client"
		}
		fmt.Fprintf(&r.b, "\n### `%s` (%s)\n\n%s\n\n", n.Method, from, n.Doc)
		r.object("Params", n.Params, false)
	}
	r.b.WriteString("\n## In `initializationOptions`\n\nBeside the settings, under `fpbls` or at the top:\n\n")
	r.object("Members", reflect.TypeFor[Options](), false)
	r.types()
	return r.b.String(), r.err
}

type reference struct {
	source fs.FS
	b      strings.Builder
	docs   map[string]string // by "import/path.Type" and "import/path.Type.Field"
	parsed map[string]bool
	queue  []reflect.Type // structs that were mentioned
	err    error
}

// object lists the members of a struct. Of arguments it says which are required.
func (r *reference) object(title string, t reflect.Type, arguments bool) {
	all := members(t)
	if len(all) == 0 {
		fmt.Fprintf(&r.b, "%s: none.\n\n", title)
		return
	}
	fmt.Fprintf(&r.b, "%s:\n\n", title)
	for _, m := range all {
		if err := r.parse(m.owner.PkgPath()); err != nil && r.err == nil {
			r.err = err
		}
		doc := r.docs[m.owner.PkgPath()+"."+m.owner.Name()+"."+m.field]
		typ := r.typeName(m.typ)
		if arguments && m.required {
			typ += ", required"
		}
		fmt.Fprintf(&r.b, "- `%s` (%s)", m.name, typ)
		if doc != "" {
			r.b.WriteString(": " + strings.Join(strings.Fields(doc), " "))
		}
		r.b.WriteByte('\n')
	}
	r.b.WriteByte('\n')
}

// types lists the structs that were mentioned, and those that these mention.
func (r *reference) types() {
	r.b.WriteString("\n## Types\n")
	for i := 0; i < len(r.queue); i++ {
		t := r.queue[i]
		if err := r.parse(t.PkgPath()); err != nil && r.err == nil {
			r.err = err
		}
		fmt.Fprintf(&r.b, "\n### %s\n\n%s\n\n", t.String(), strings.Join(strings.Fields(r.docs[t.PkgPath()+"."+t.Name()]), " "))
		r.object("Members", t, false)
	}
}

func (r *reference) typeName(t reflect.Type) string {
	if t.Kind() == reflect.Struct && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return "string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return r.typeName(t.Elem()) + " or null"
	case reflect.Slice:
		return "list of " + r.typeName(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		if !slices.Contains(r.queue, t) {
			r.queue = append(r.queue, t)
		}
		return t.String()
	case reflect.String:
		return "string"
	}
	if _, ok := t.MethodByName("MarshalText"); ok {
		return "string" // an address
	}
	return "integer"
}

// parse collects the comments of a package.
func (r *reference) parse(pkg string) error {
	dir, own := strings.CutPrefix(pkg, module)
	if r.parsed[pkg] || !own {
		return nil
	}
	r.parsed[pkg] = true
	names, err := fs.Glob(r.source, path.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("no source of %s: %w", pkg, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(r.source, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				r.declaration(pkg, g)
			}
		}
	}
	return nil
}

func (r *reference) declaration(pkg string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				r.docs[pkg+"."+name.Name] = comment(g.Doc, spec.Doc, spec.Comment)
			}
		case *ast.TypeSpec:
			r.docs[pkg+"."+spec.Name.Name] = comment(g.Doc, spec.Doc, spec.Comment)
			var fields *ast.FieldList
			switch t := spec.Type.(type) {
			case *ast.StructType:
				fields = t.Fields
			case *ast.InterfaceType:
				fields = t.Methods
			default:
				continue
			}
			for _, f := range fields.List {
				for _, name := range f.Names {
					r.docs[pkg+"."+spec.Name.Name+"."+name.Name] = comment(f.Doc, f.Comment)
				}
			}
		}
	}
}

// comment returns the first comment there is.
func comment(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.TrimSpace(g.Text()); text != "" {
			return text
		}
	}
	return ""
}
