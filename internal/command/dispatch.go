package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// Run runs the command with the arguments of workspace/executeCommand: one object,
// or none at all where every member is optional. Wrong ones are problems of the
// code usage.
func Run(ctx context.Context, s Service, id string, args []json.RawMessage) (any, error) {
	i := slices.IndexFunc(commands, func(c Command) bool { return c.ID == id })
	if i < 0 {
		return nil, problem.New(problem.Usage, "the commands are "+strings.Join(IDs(), ", "), "there is no command %.60q", id)
	}
	return commands[i].run(ctx, s, args)
}

func bind[A, R any](id, title, method string, f func(Service, context.Context, A) (R, error)) Command {
	return Command{
		ID: id, Title: title, Method: method, Args: reflect.TypeFor[A](), Result: reflect.TypeFor[R](),
		run: func(ctx context.Context, s Service, args []json.RawMessage) (any, error) {
			var a A
			if err := decode(id, args, &a); err != nil {
				return nil, err
			}
			return f(s, ctx, a)
		},
	}
}

// decode fills the struct that args points to.
func decode(id string, raw []json.RawMessage, args any) error {
	// Editors send [], [null], [{}] or nothing when there is nothing to say; where a
	// language does not tell empty tables from empty lists, also [[]].
	if len(raw) > 0 && !slices.Contains([]string{"null", "[]"}, string(bytes.TrimSpace(raw[0]))) {
		d := json.NewDecoder(bytes.NewReader(raw[0]))
		d.DisallowUnknownFields() // a misspelt member must not be ignored
		if err := d.Decode(args); err != nil {
			return wrong(id, args, "%s", explain(err))
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return wrong(id, args, "more than one value")
		}
	}
	if len(raw) > 1 {
		return wrong(id, args, "%d arguments instead of one object", len(raw))
	}
	for _, name := range missing(reflect.ValueOf(args).Elem()) {
		return wrong(id, args, "%s is missing", name)
	}
	return nil
}

func wrong(id string, args any, format string, v ...any) error {
	return problem.New(problem.Usage, "it takes "+usage(reflect.TypeOf(args).Elem()), "wrong arguments for %s: %s", id, fmt.Sprintf(format, v...))
}

// explain says what encoding/json found, without Go's names.
func explain(err error) string {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		if te.Field == "" {
			return "a " + te.Value + " instead of an object"
		}
		return fmt.Sprintf("%s cannot be a %s", te.Field, te.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// A member is a field of arguments as JSON has it.
type member struct {
	name     string
	typ      reflect.Type
	index    []int
	required bool
	owner    reflect.Type
	field    string
}

// members lists the members of a struct; those of embedded structs are its own.
func members(t reflect.Type) []member {
	var all []member
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			for _, m := range members(f.Type) {
				m.index = append([]int{i}, m.index...)
				all = append(all, m)
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		all = append(all, member{
			name: name, typ: f.Type, index: []int{i}, owner: t, field: f.Name,
			required: !strings.Contains(options, "omit") && f.Type.Kind() != reflect.Bool,
		})
	}
	return all
}

// missing lists the required members that are empty.
func missing(v reflect.Value) []string {
	var names []string
	for _, m := range members(v.Type()) {
		if m.required && v.FieldByIndex(m.index).IsZero() {
			names = append(names, m.name)
		}
	}
	return names
}

// usage shows the members: {uri, function?, slot?}.
func usage(t reflect.Type) string {
	var names []string
	for _, m := range members(t) {
		name := m.name
		if !m.required {
			name += "?"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "no arguments"
	}
	return "{" + strings.Join(names, ", ") + "}"
}
