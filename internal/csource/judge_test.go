package csource

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// TestClang compares with what Clang's parser finds in the same complete sources:
// our firmware's, and one that has every form of definition there is.
func TestClang(t *testing.T) {
	sources := firmwareSources(t)
	const judge = "testdata/judge.cpp"
	text, err := os.ReadFile(judge)
	if err != nil {
		t.Fatal(err)
	}
	sources[judge] = text
	total := 0
	for _, path := range slices.Sorted(maps.Keys(sources)) {
		args := []string{"--target=arm-none-eabi", "-mcpu=cortex-m3", "-fsyntax-only", "-w", "-Xclang", "-ast-dump=json"}
		if path == judge {
			args = append(args, "-std=c++20")
		}
		tree, err := exec.CommandContext(t.Context(), "clang", append(args, path)...).Output()
		if err != nil && len(tree) == 0 {
			t.Fatalf("%s: %v", path, err)
		}
		var root astNode
		if err := json.Unmarshal(tree, &root); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want := root.definitions(nil)
		got := Parse(sources[path]).Functions
		total += len(want)
		for _, d := range want {
			i := slices.IndexFunc(got, func(f Function) bool { return f.NameStart <= d.name && d.name < f.NameEnd })
			if i < 0 {
				t.Errorf("%s: Clang finds %s:\n%s", path, d.spelling, sources[path][d.start:d.end])
				continue
			}
			// Clang leaves out linkage specifications and outer template parameters.
			if f := got[i]; f.End != d.end || f.Start > d.start {
				t.Errorf("%s: %s is\n%s\nto Clang\n%s", path, f.Name, sources[path][f.Start:f.End], sources[path][d.start:d.end])
			}
			got = slices.Delete(got, i, i+1)
		}
		for _, f := range got {
			// What another configuration compiles is none of Clang's.
			if path == judge || !bytes.Contains(sources[path], []byte("#if")) {
				t.Errorf("%s: to Clang this is no function:\n%s", path, sources[path][f.Start:f.End])
			}
		}
	}
	t.Logf("%d functions", total)
}

// definition is one of a function, in offsets.
type definition struct {
	spelling         string
	name, start, end int
}

// astNode is a node of -ast-dump=json.
type astNode struct {
	Kind  string
	Name  string
	Loc   astLocation
	Range struct{ Begin, End astLocation }
	Inner []astNode

	IsImplicit     bool
	DefinitionData struct{ IsLambda bool }
}

type astLocation struct {
	Offset       int
	TokLen       int
	IncludedFrom *struct{}
	SpellingLoc  *astLocation
	ExpansionLoc *astLocation
}

// at is where it stands in the file, behind the expansion of macros.
func (l astLocation) at() astLocation {
	if l.ExpansionLoc != nil {
		return *l.ExpansionLoc
	}
	return l
}

// definitions adds the function definitions outside headers, macros and other
// functions.
func (n astNode) definitions(found []definition) []definition {
	switch n.Kind {
	case "FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "CXXConversionDecl", "FunctionTemplateDecl":
		// Of a template's declarations the first is the pattern; the rest are instances.
		has := n.hasBody() || slices.ContainsFunc(n.Inner, astNode.hasBody)
		if end := n.Range.End.at(); has && n.Loc.IncludedFrom == nil && n.Loc.ExpansionLoc == nil && !n.IsImplicit && end.TokLen > 0 {
			found = append(found, definition{n.Name, n.Loc.Offset, n.Range.Begin.at().Offset, end.Offset + end.TokLen})
		}
		return found
	case "ClassTemplateSpecializationDecl", "VarDecl", "FieldDecl":
		return found
	}
	if n.DefinitionData.IsLambda {
		return found
	}
	for _, inner := range n.Inner {
		found = inner.definitions(found)
	}
	return found
}

func (n astNode) hasBody() bool {
	return slices.ContainsFunc(n.Inner, func(inner astNode) bool { return inner.Kind == "CompoundStmt" || inner.Kind == "CXXTryStmt" })
}
