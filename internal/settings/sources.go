package settings

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/fpbls/fpbls/internal/problem"
)

// FileName is the configuration file at the root of a workspace folder.
const FileName = "fpbls.toml"

// maxFile bounds what is parsed, as nested brackets cost the parser quadratic time.
const maxFile = 64 << 10

// LoadFile reads a configuration file. A missing one says nothing. Relative
// paths in it start from its directory.
func LoadFile(path string) (Layer, []Issue) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Layer{}, nil
	}
	if err != nil {
		return broken(path, "cannot read the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return broken(path, "cannot read the configuration: %w", err)
	}
	return ParseFile(path, data)
}

// ParseFile is [LoadFile] for content that was read already, such as an
// editor's buffer.
func ParseFile(path string, data []byte) (Layer, []Issue) {
	if len(data) > maxFile {
		return broken(path, "the configuration is longer than %d bytes", maxFile)
	}
	d := decoder{layer: Layer{source: FromFile, file: path, values: map[string]value{}}, dir: filepath.Dir(path)}
	data = []byte(strings.TrimPrefix(string(data), "\ufeff")) // editors on Windows put it there
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		issue := Issue{Source: FromFile, File: path, Line: 1, Column: 1,
			Problem: problem.New(problem.Config, "correct the line; until then the file is not used", "%w", err)}
		var de *toml.DecodeError
		if errors.As(err, &de) {
			issue.Line, issue.Column = de.Position()
		}
		return d.layer, []Issue{issue}
	}
	d.places = places(data)
	d.tree("", tree)
	return d.layer, d.issues
}

func broken(path, format string, args ...any) (Layer, []Issue) {
	return Layer{source: FromFile, file: path}, []Issue{{
		Source: FromFile, File: path, Line: 1, Column: 1,
		Problem: problem.New(problem.Config, "until then the file is not used", format, args...),
	}}
}

// FromJSON reads what an editor says: the settings themselves, or an object
// that has them under "fpbls". null and {} say nothing. Relative paths start
// from dir, the workspace folder.
func FromJSON(dir string, raw []byte) (Layer, []Issue) {
	d := decoder{layer: Layer{source: FromEditor, values: map[string]value{}}, dir: dir}
	if len(raw) == 0 {
		return d.layer, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		d.report("", problem.New(problem.Config, "send a JSON object", "the editor's settings are not JSON: %w", err))
		return d.layer, d.issues
	}
	tree, ok := v.(map[string]any)
	list, _ := v.([]any) // an empty table, where a language does not tell it from an empty list
	if v != nil && !ok && (list == nil || len(list) > 0) {
		d.report("", problem.New(problem.Config, "send an object such as {\"port\": \"sim:\"}", "the editor's settings are not an object"))
		return d.layer, d.issues
	}
	if own, ok := tree["fpbls"].(map[string]any); ok {
		tree = own
	}
	d.tree("", tree) // {"lenses.state": true}, as some editors send it, is a key as good as nested ones
	return d.layer, d.issues
}

// FromText is the layer of a command's flags: values as text, by key. Relative
// paths start from dir. Unlike the other sources an empty value counts as not
// set whatever the kind.
func FromText(dir string, values map[string]string) (Layer, []Issue) {
	d := decoder{layer: Layer{source: FromCommand, values: map[string]value{}}, dir: dir}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text := values[key]
		if text == "" {
			continue
		}
		f, ok := field(key)
		if !ok {
			d.report(key, unknownKey(key))
			continue
		}
		v, err := f.parse(text)
		if err != nil {
			d.report(key, err)
			continue
		}
		d.set(f, v)
	}
	return d.layer, d.issues
}

// places returns where each key of a TOML document stands.
func places(data []byte) map[string]place {
	at := make(map[string]place)
	var p unstable.Parser
	p.Reset(data)
	var table string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			key, where := dotted(&p, e)
			note(at, "", key, where)
			table = key + "."
		case unstable.KeyValue:
			keyValue(&p, e, table, at)
		}
	}
	return at
}

func keyValue(p *unstable.Parser, e *unstable.Node, prefix string, at map[string]place) {
	key, where := dotted(p, e)
	note(at, prefix, key, where)
	if v := e.Value(); v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			if n := it.Node(); n.Kind == unstable.KeyValue {
				keyValue(p, n, prefix+key+".", at)
			}
		}
	}
}

// note gives the key its place; "lenses.state = true" gives the table lenses one too.
func note(at map[string]place, prefix, key string, where place) {
	at[prefix+key] = where
	for i, c := range key {
		if _, known := at[prefix+key[:i]]; c == '.' && !known {
			at[prefix+key[:i]] = where
		}
	}
}

// dotted returns the key of an expression and where it stands.
func dotted(p *unstable.Parser, e *unstable.Node) (string, place) {
	var parts []string
	var where place
	for it := e.Key(); it.Next(); {
		n := it.Node()
		shape := p.Shape(n.Raw)
		if len(parts) == 0 {
			where = place{line: shape.Start.Line, column: shape.Start.Column}
		}
		where.length = max(shape.End.Column-where.column, 1)
		parts = append(parts, string(n.Data))
	}
	return strings.Join(parts, "."), where
}
