package workspace

import "testing"

func TestDocuments(t *testing.T) {
	var d Documents
	if d.Snapshot().Document("file:///a.c") != nil {
		t.Error("a document in an empty snapshot")
	}
	d.Open("file:///a.c", "/a.c", 1, "one\ntwo\n")
	before := d.Snapshot()
	err := d.Change("file:///a.c", 2, UTF16, []Change{
		{Range: &Range{Position{0, 0}, Position{0, 3}}, Text: "1"},
		{Range: &Range{Position{0, 1}, Position{0, 1}}, Text: "st"}, // counts in what the first left
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(before.Document("file:///a.c").Text.Bytes()); got != "one\ntwo\n" {
		t.Errorf("the snapshot changed: %q", got)
	}
	now := d.Snapshot().ByPath("/a.c")
	if got := string(now.Text.Bytes()); got != "1st\ntwo\n" || now.Version != 2 {
		t.Errorf("version %d: %q", now.Version, got)
	}
	if err := d.Change("file:///a.c", 3, UTF16, []Change{{Text: "whole"}}); err != nil {
		t.Fatal(err)
	}
	if got := string(d.Snapshot().Document("file:///a.c").Text.Bytes()); got != "whole" {
		t.Errorf("%q", got)
	}
	d.Close("file:///a.c")
	if err := d.Change("file:///a.c", 4, UTF16, nil); err == nil {
		t.Error("a closed document was changed")
	}
	if d.Snapshot().ByPath("/a.c") != nil {
		t.Error("the document is still there")
	}
}
