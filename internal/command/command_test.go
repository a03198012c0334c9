package command

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/problem"
)

var update = flag.Bool("update", false, "rewrite the reference page")

const page = "REFERENCE.md"

func TestReferenceIsCurrent(t *testing.T) {
	want, err := Reference(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not match the declarations; run go test ./internal/command -update", page)
	}
}

func TestEveryCommandIsDocumentedAndBound(t *testing.T) {
	service := reflect.TypeFor[Service]()
	bound := make(map[string]bool)
	r := reference{source: os.DirFS("../.."), docs: map[string]string{}, parsed: map[string]bool{}}
	if err := r.parse(service.PkgPath()); err != nil {
		t.Fatal(err)
	}
	for _, c := range All() {
		if bound[c.Method] || !strings.HasPrefix(c.ID, "fpbls.") || c.Title == "" {
			t.Errorf("command %+v", c)
		}
		bound[c.Method] = true
		for _, typ := range []reflect.Type{c.Args, c.Result} {
			for _, m := range members(typ) {
				if m.name == "" {
					t.Errorf("%s: %s.%s has no JSON name", c.ID, m.owner.Name(), m.field)
				}
				if m.owner.PkgPath() == service.PkgPath() && r.docs[m.owner.PkgPath()+"."+m.owner.Name()+"."+m.field] == "" {
					t.Errorf("%s: %s has no comment", c.ID, m.name)
				}
			}
		}
	}
	for i := range service.NumMethod() {
		name := service.Method(i).Name
		if !bound[name] {
			t.Errorf("%s is not a command", name)
		}
		if r.docs[service.PkgPath()+".Service."+name] == "" {
			t.Errorf("%s has no comment", name)
		}
	}
}

// A recorder keeps the arguments it was called with. Methods that the tests do not
// call are those of the nil Service.
type recorder struct {
	Service
	got any
}

func (r *recorder) Inject(_ context.Context, a InjectArgs) (InjectResult, error) {
	r.got = a
	return InjectResult{Summary: "done"}, nil
}

func (r *recorder) Revert(_ context.Context, a SelectArgs) (RevertResult, error) {
	r.got = a
	return RevertResult{}, nil
}

func (r *recorder) Ports(_ context.Context, a NoArgs) (PortsResult, error) {
	r.got = a
	return PortsResult{}, nil
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		id, args string
		want     any
		message  string
	}{
		{Inject, `[{"uri":"file:///a.c","function":"f"}]`, InjectArgs{URI: "file:///a.c", Function: "f"}, ""},
		{Revert, `[{"slot":0,"uri":"file:///w"}]`, SelectArgs{FolderArgs: FolderArgs{"file:///w"}, Slot: new(0)}, ""},
		{Ports, `[]`, NoArgs{}, ""},
		{Ports, `[null]`, NoArgs{}, ""},
		{Ports, `[{}]`, NoArgs{}, ""},
		{Ports, `[[]]`, NoArgs{}, ""},
		{Revert, `[]`, SelectArgs{}, ""},
		{Inject, `[]`, nil, "wrong arguments for fpbls.inject: uri is missing: it takes {uri, functions?, function?, version?, mode?, anyway?}"},
		{Inject, `[1]`, nil, "wrong arguments for fpbls.inject: a number instead of an object"},
		{Inject, `[{"uri":7}]`, nil, "wrong arguments for fpbls.inject: uri cannot be a number"},
		{Inject, `[{"uri":"file:///a.c","fucntion":"f"}]`, nil, `wrong arguments for fpbls.inject: unknown field "fucntion"`},
		{Revert, `[{"slot":99999999999999999999}]`, nil, "wrong arguments for fpbls.revert: slot cannot be a number 99999999999999999999"},
		{Revert, `[{},{}]`, nil, "wrong arguments for fpbls.revert: 2 arguments instead of one object"},
		{Ports, `["x"]`, nil, "wrong arguments for fpbls.ports: a string instead of an object: it takes no arguments"},
		{"fpbls.nope", `[]`, nil, `there is no command "fpbls.nope": the commands are fpbls.inject, `},
	} {
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(tt.args), &args); err != nil {
			t.Fatal(err)
		}
		var r recorder
		_, err := Run(t.Context(), &r, tt.id, args)
		if !reflect.DeepEqual(r.got, tt.want) {
			t.Errorf("%s %s: called with %+v, want %+v", tt.id, tt.args, r.got, tt.want)
		}
		switch {
		case tt.message == "" && err != nil:
			t.Errorf("%s %s: %v", tt.id, tt.args, err)
		case tt.message != "" && (!problem.Has(err, problem.Usage) || !strings.HasPrefix(err.Error(), tt.message)):
			t.Errorf("%s %s:\n%v, want\n%s", tt.id, tt.args, err, tt.message)
		}
	}
}

func TestInjectNames(t *testing.T) {
	for _, tt := range []struct {
		args InjectArgs
		want []string
	}{
		{InjectArgs{}, nil},
		{InjectArgs{Function: "f"}, []string{"f"}},
		{InjectArgs{Function: "f", Functions: []string{"g", "f"}}, []string{"g", "f"}},
		{InjectArgs{Function: "f", Functions: []string{"g"}}, []string{"f", "g"}},
	} {
		if got := tt.args.Names(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: %v", tt.args, got)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, c := range All() {
		f.Add(c.ID, `{"uri":"file:///a","slot":1,"function":"f","all":true,"on":true}`)
	}
	f.Fuzz(func(t *testing.T, id, args string) {
		if !json.Valid([]byte(args)) {
			return
		}
		defer func() {
			if v := recover(); v != nil && !strings.Contains(v.(error).Error(), "nil pointer") {
				t.Errorf("%s %s: %v", id, args, v) // the recorder has no other methods
			}
		}()
		if _, err := Run(t.Context(), &recorder{}, id, []json.RawMessage{[]byte(args)}); err != nil && !problem.Has(err, problem.Usage) {
			t.Errorf("%s %s: %v", id, args, err)
		}
	})
}
