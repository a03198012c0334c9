package toolchain

import (
	"strings"
	"testing"
)

// What decides on outputs goes; everything else stays, in its order.
func TestCompileArgs(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"objects", "-c src/a.c -o out/a.o -oother.o --output=x --output y", "src/a.c"},
		{"dependencies", "-MD -MMD -MP -MG -MF x.d -MFx.d -MT y -MQ z -MJ j src/a.c", "src/a.c"},
		{"dependencies for the preprocessor", "-Wp,-MD,x.d -Wp,-MMD,x.d,-DX -Wp,-MMD -Wp,x.d -Xpreprocessor -MF -Xpreprocessor x.d src/a.c", "-Wp,-DX src/a.c"},
		{"other stages", "-S -E -fsyntax-only -emit-llvm src/a.c", "src/a.c"},
		{"intermediate files", "-save-temps=obj -save-temps -fdump-tree-all=x -dumpdir d -dumpbase b -aux-info i src/a.c", "src/a.c"},
		{"reports", "-fopt-info-vec=x -time=x -ftime-trace -fsave-optimization-record -v -### -H src/a.c", "src/a.c"},
		{"the assembler's listings", "-Wa,-a,-ad,-alms=a.lst -Wa,-mthumb,-adhln=x -Wa,-o,x -Xassembler -a=x -Xassembler -mthumb src/a.c", "-Wa,-mthumb -Xassembler -mthumb src/a.c"},
		{"Clang's frontend", "-Xclang -dependency-file -Xclang x.d -Xclang -MT -Xclang y -Xclang -disable-O0-optnone src/a.c", "-Xclang -disable-O0-optnone src/a.c"},
		{"looks of messages", "-fdiagnostics-color=always -fcolor-diagnostics -fdiagnostics-format=json -fmessage-length=80 src/a.c", "src/a.c"},
		{"order", "-Iinc -Wall -x c src/a.c -DX -UY -include config.h -Os -Og -fno-common -D Z", "-Iinc -Wall -x c src/a.c -DX -UY -include config.h -Os -Og -fno-common -D Z"},
		{"other words that look alike", "-DM=-o -Ic -mcpu=cortex-m3 -MD -O -std=c99 -fstack-usage -Xlinker -Map=x src/a.c", "-DM=-o -Ic -mcpu=cortex-m3 -O -std=c99 -fstack-usage -Xlinker -Map=x src/a.c"},
		{"end of options", "-Os -- src/a.c", "-Os src/a.c"},
		{"missing values", "src/a.c -Xclang", "src/a.c -Xclang"},
		{"other inputs", "b.c src/a.c lib/x.o -T x.ld libfoo.a -Wl,-Map=x y.S -DX", "src/a.c -T x.ld -Wl,-Map=x -DX"},
		{"a name that is also a value", "-include src/a.c -c src/a.c", "-include src/a.c src/a.c"},
	} {
		c := Command{File: "/w/src/a.c", Dir: "/w", Args: append([]string{"gcc"}, strings.Fields(test.args)...)}
		args, source := c.compileArgs()
		if got := strings.Join(args, " "); got != test.want {
			t.Errorf("%s: arguments %s\nwant %s", test.name, got, test.want)
		}
		if source != strings.Count(test.want[:strings.LastIndex(test.want, "src/a.c")], " ") || args[source] != "src/a.c" {
			t.Errorf("%s: source at %d", test.name, source)
		}
	}
}
