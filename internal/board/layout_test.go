package board

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fpbls/fpbls/internal/patch"
	"github.com/fpbls/fpbls/internal/problem"
)

// New code must not read old data with new eyes.
func TestLayouts(t *testing.T) {
	runArchive(t, "layouts.txtar", []string{"-Os"}, func(t *testing.T, b *bench) {
		for _, test := range []struct {
			name, file, from, to string
			where, want          string // file:line of the error and what it says; empty: it is injected
		}{
			{"a member inserted", "app/types.h", "\tint value;\n", "\tint value;\n\tchar extra;\n", "types.h:5", "struct sample: char extra is new. In the running firmware it is {0: int value; 4: short int level; 6: enum mode mode}, 8 bytes, here it is {0: int value; 4: char extra;"},
			{"a member added at the end", "app/types.h", "\tint count;\n", "\tint count;\n\tint last;\n", "types.h:11", "total: int last is new"},
			{"a member removed", "app/types.h", "\tint sum;\n\tint count;\n", "\tint sum;\n#define count sum\n", "types.h:8", "total: int count is gone"},
			{"members swapped", "app/types.h", "\tint value;\n\tshort level;\n", "\tshort level;\n\tint value;\n", "types.h:4", "short int level has moved from offset 4 to 0"},
			{"a member of another type", "app/types.h", "int value;", "float value;", "types.h:4", "float value was int"},
			{"a value of an enumeration inserted", "app/types.h", "MODE_SLOW, MODE_FAST", "MODE_OFF, MODE_SLOW, MODE_FAST", "types.h:2", "enum mode: MODE_OFF = 0 is new"},
			{"a value of an enumeration added", "app/types.h", "MODE_SLOW, MODE_FAST };", "MODE_SLOW, MODE_FAST, MODE_OFF };\n#define MODE_FAST MODE_OFF", "", ""},
			{"a variable of another type", "app/sensor.c", "unsigned short ticks;", "short ticks;", "sensor.c:4", "variable ticks is a short unsigned int in the running firmware, which keeps it as it is, and a short int here"},
			{"a structure that nothing keeps", "app/sensor.c", "int left; int right;", "int right; int left;", "", ""},
			{"other names of members' types", "app/types.h", "\tint value;", "\tint32_t value;\n#define MODE_FAST MODE_SLOW", "", ""},
		} {
			func() {
				b.edit(test.file, test.from, test.to)
				defer b.edit(test.file, test.to, test.from)
				r, err := b.board.Inject(t.Context(), b.changed("app/sensor.c"), nil)
				if test.want == "" {
					if err != nil || len(r.Patches) == 0 {
						t.Errorf("%s: %v, %v", test.name, names(r.Patches), err)
					}
					return
				}
				var layout *patch.LayoutError
				if !problem.Has(err, problem.LayoutChanged) || !errors.As(err, &layout) {
					t.Errorf("%s: %v, %v", test.name, names(r.Patches), err)
					return
				}
				file, _, _ := strings.Cut(test.where, ":")
				if !strings.Contains(err.Error(), test.where+": ") || !strings.Contains(err.Error(), test.want) || filepath.Base(layout.File) != file {
					t.Errorf("%s: %s: %v", test.name, layout.File, err)
				}
			}()
		}
	})
}
