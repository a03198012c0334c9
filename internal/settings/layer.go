package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/fpbls/fpbls/internal/problem"
)

// Source is where a value comes from. A later source wins over an earlier one.
type Source string

const (
	FromDefault Source = "default"
	FromFile    Source = "fpbls.toml"
	FromEditor  Source = "editor"
	FromCommand Source = "command"
)

// A Layer holds what one source says. The zero Layer says nothing. It is
// immutable.
type Layer struct {
	source Source
	file   string // of FromFile
	values map[string]value
}

type value struct {
	v    any // string, int or bool, as the schema says
	line int // 1-based; 0 if the source has no lines
}

// An Origin tells where the value of a setting comes from.
type Origin struct {
	Source Source `json:"source"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

func (o Origin) String() string {
	if o.File != "" {
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	}
	return string(o.Source)
}

// An Issue is something wrong with a source. Line and Column are 1-based, 0
// where the source has none; Column counts bytes.
type Issue struct {
	Source  Source
	File    string
	Line    int
	Column  int
	Length  int // in bytes of the place; 0 if unknown
	Key     string
	Problem *problem.Problem
}

func (i Issue) Error() string {
	if i.File != "" {
		return fmt.Sprintf("%s:%d:%d: %v", i.File, max(i.Line, 1), max(i.Column, 1), i.Problem)
	}
	return fmt.Sprintf("%s: %v", i.Source, i.Problem)
}

func (i Issue) Unwrap() error { return i.Problem }

// Merge lays the layers over the defaults, the last on top, and returns the
// settings with the origin of every key.
func Merge(layers ...Layer) (Settings, map[string]Origin) {
	s := Defaults()
	origins := make(map[string]Origin, len(schema()))
	target := reflect.ValueOf(&s).Elem()
	for _, f := range schema() {
		origins[f.Key] = Origin{Source: FromDefault}
		for _, l := range layers {
			if v, ok := l.values[f.Key]; ok {
				target.FieldByIndex(f.index).Set(reflect.ValueOf(v.v))
				origins[f.Key] = Origin{Source: l.source, File: l.file, Line: v.line}
			}
		}
	}
	return s, origins
}

// Keys lists the keys that the layer sets, sorted.
func (l Layer) Keys() []string { return slices.Sorted(maps.Keys(l.values)) }

// Get returns the value of the key as text.
func (s Settings) Get(key string) (text string, ok bool) {
	f, ok := field(key)
	if !ok {
		return "", false
	}
	return fmt.Sprint(reflect.ValueOf(s).FieldByIndex(f.index).Interface()), true
}

// Source tells where the layer's values come from.
func (l Layer) Source() Source { return l.source }

// Rank orders sources: a higher one wins.
func (s Source) Rank() int {
	return slices.Index([]Source{FromDefault, FromFile, FromEditor, FromCommand}, s)
}

// Over returns the layer laid over another of the same source.
func (l Layer) Over(lower Layer) Layer {
	both := maps.Clone(lower.values)
	if both == nil {
		both = make(map[string]value)
	}
	maps.Copy(both, l.values)
	return Layer{source: l.source, file: l.file, values: both}
}
