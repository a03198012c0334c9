package settings

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// place is where a key stands in its source; zero if it has no place.
type place struct{ line, column, length int }

// A decoder turns a tree of values into a Layer.
type decoder struct {
	layer  Layer
	dir    string // that relative paths start from; empty leaves them as they are
	places map[string]place
	issues []Issue
}

// tree decodes the table that stands at prefix.
func (d *decoder) tree(prefix string, tree map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key, v := prefix+name, tree[name]
		if v == nil {
			continue // editors send null for what is not set
		}
		if f, ok := field(key); ok {
			d.value(f, v)
			continue
		}
		if !isTable(key) {
			d.report(key, unknownKey(key))
			continue
		}
		sub, ok := v.(map[string]any)
		if !ok {
			d.report(key, problem.New(problem.Config, "write it as a table: "+strings.Join(keysIn(key), ", "), "%s is a group of settings, not a value", key))
			continue
		}
		d.tree(key+".", sub)
	}
}

func (d *decoder) value(f Field, v any) {
	got, err := f.convert(v)
	if err != nil {
		d.report(f.Key, err)
		return
	}
	d.set(f, got)
}

func (d *decoder) set(f Field, v any) {
	if s, ok := v.(string); ok {
		if s == "" && f.Enum == nil {
			return // an empty text says nothing, as in an editor's settings page
		}
		v = f.resolve(d.dir, s)
	}
	d.layer.values[f.Key] = value{v, d.places[f.Key].line}
}

func (d *decoder) report(key string, p *problem.Problem) {
	at := d.places[key]
	d.issues = append(d.issues, Issue{
		Source: d.layer.source, File: d.layer.file, Line: at.line, Column: at.column, Length: at.length,
		Key: key, Problem: p,
	})
}

// convert returns v as the schema wants it.
func (f Field) convert(v any) (any, *problem.Problem) {
	switch f.Kind {
	case Switch:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, f.wrong("true or false", v)
	case Number:
		var n int64
		switch v := v.(type) {
		case int64:
			n = v
		case float64: // JSON has no other number
			if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
				return nil, f.wrong("a whole number", v)
			}
			n = int64(v)
		default:
			return nil, f.wrong("a whole number", v)
		}
		if n < int64(f.Min) || n > int64(f.Max) {
			return nil, f.wrong(fmt.Sprintf("a number from %d to %d", f.Min, f.Max), v)
		}
		return int(n), nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, f.wrong("text in quotes", v)
	}
	if f.Enum != nil && !slices.Contains(f.Enum, s) {
		return nil, f.wrong("one of "+strings.Join(f.Enum, ", "), v)
	}
	if strings.ContainsRune(s, 0) {
		return nil, f.wrong("text without a zero byte", v)
	}
	return s, nil
}

// parse is convert for a value that is written as text.
func (f Field) parse(text string) (any, *problem.Problem) {
	switch f.Kind {
	case Switch:
		if b, err := strconv.ParseBool(text); err == nil {
			return b, nil
		}
		return nil, f.wrong("true or false", text)
	case Number:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, f.wrong("a whole number", text)
		}
		return f.convert(n)
	}
	return f.convert(text)
}

func (f Field) wrong(want string, got any) *problem.Problem {
	var text string
	switch got := got.(type) {
	case map[string]any:
		text = "a table"
	case []any:
		text = "a list"
	case string:
		text = fmt.Sprintf("%.60q", got)
	default:
		text = fmt.Sprint(got)
	}
	return problem.New(problem.Config, "it must be "+want, "setting %s cannot be %s", f.Key, text)
}

// resolve makes a relative path absolute.
func (f Field) resolve(dir, s string) string {
	abs := func(p string) string {
		if dir == "" || p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, filepath.FromSlash(p))
	}
	switch f.Kind {
	case Path:
		return abs(s)
	case Port:
		for _, scheme := range []string{"sim:", "replay:"} {
			if p, ok := strings.CutPrefix(s, scheme); ok {
				return scheme + abs(p)
			}
		}
	}
	return s
}

func unknownKey(key string) *problem.Problem {
	hint := "the settings are " + strings.Join(topLevel(), ", ")
	for _, f := range schema() {
		if plain(f.Key) == plain(key) {
			hint = "did you mean " + f.Key + "?"
		}
	}
	return problem.New(problem.Config, hint, "there is no setting %s", key)
}

// plain drops what people vary in the spelling of a key.
func plain(key string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(key))
}

func topLevel() []string {
	var names []string
	for _, f := range schema() {
		name, _, _ := strings.Cut(f.Key, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func isTable(key string) bool { return len(keysIn(key)) > 0 }

func keysIn(table string) []string {
	var keys []string
	for _, f := range schema() {
		if strings.HasPrefix(f.Key, table+".") {
			keys = append(keys, f.Key)
		}
	}
	return keys
}
