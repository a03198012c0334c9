package settings

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Reference returns the settings page, in Markdown.
func Reference() string {
	var b strings.Builder
	for _, f := range Schema() {
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", f.Key, f.Doc)
		fmt.Fprintf(&b, "Type: %s. Default: %s.", f.typeName(), f.defaultText())
		if f.Machine {
			b.WriteString(" Belongs to the machine: an editor does not share it.")
		}
		b.WriteString("\n\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// PackageJSON returns the properties of contributes.configuration of the VS Code
// extension. Every default is null: VS Code sends defaults like values, and they
// would win over fpbls.toml.
func PackageJSON() ([]byte, error) {
	type property struct {
		Type        []string `json:"type"`
		Default     any      `json:"default"`
		Enum        []any    `json:"enum,omitempty"`
		Minimum     int      `json:"minimum,omitempty"`
		Maximum     int      `json:"maximum,omitempty"`
		Scope       string   `json:"scope"`
		Order       int      `json:"order"`
		Description string   `json:"markdownDescription"`
	}
	properties := make(map[string]property)
	for i, f := range Schema() {
		p := property{
			Type: []string{f.jsonType(), "null"}, Minimum: f.Min, Maximum: f.Max, Scope: "resource", Order: i,
			Description: f.Doc + "\n\nDefault: " + f.defaultText() + ".",
		}
		for _, word := range f.Enum {
			p.Enum = append(p.Enum, word)
		}
		if f.Enum != nil {
			p.Enum = append(p.Enum, nil)
		}
		if f.Machine {
			p.Scope = "machine-overridable"
		}
		properties["fpbls."+f.Key] = p
	}
	return json.MarshalIndent(properties, "", "  ")
}

func (f Field) jsonType() string {
	switch f.Kind {
	case Switch:
		return "boolean"
	case Number:
		return "integer"
	}
	return "string"
}

func (f Field) typeName() string {
	switch {
	case f.Enum != nil:
		return "`" + strings.Join(f.Enum, "`, `") + "`"
	case f.Kind == Switch:
		return "`true` or `false`"
	case f.Kind == Number:
		return fmt.Sprintf("number from %d to %d", f.Min, f.Max)
	case f.Kind == Path:
		return "path; a relative one starts from the folder of the file that says it"
	}
	return "text"
}

func (f Field) defaultText() string {
	if f.Default == "" {
		return "not set"
	}
	return fmt.Sprintf("`%v`", f.Default)
}
