package testfirmware

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FunctionsPerFile is how many functions each file of [Large] has.
const FunctionsPerFile = 20

// largeTypes is how many structures the header of [Large] declares. With these,
// a file brings about 28 kB of debug information.
const largeTypes = 120

// Large writes and links a firmware of so many files to measure with: the ELF is
// that of a large project, and does not run. Compiling thousands of files takes
// minutes; they differ in names only, so one is compiled, and its assembler code
// written out under each name.
//
// File n is uNNNN.c, with the functions work_uNNNN_00 to _19, and scale_uNNNN,
// which is inlined into each of them. The header is large.h.
func Large(ctx context.Context, dir string, files int) (Project, error) {
	project := Project{
		Dir: dir, Source: filepath.Join(dir, largeName(0)+".c"), Function: "work_" + largeName(0) + "_00",
		ELF:             filepath.Join(dir, "build", "firmware.elf"),
		CompileCommands: filepath.Join(dir, "compile_commands.json"),
		Flags: append(append([]string{}, arm...), "-Os", "-g", "-ffunction-sections", "-fdata-sections",
			"-fno-eliminate-unused-debug-types"),
	}
	if err := os.MkdirAll(filepath.Dir(project.ELF), 0o755); err != nil {
		return Project{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "large.h"), []byte(largeHeader()), 0o644); err != nil {
		return Project{}, err
	}
	source := largeSource()
	var objects []string
	for n := range files {
		name := largeName(n)
		project.units = append(project.units, name+".c")
		objects = append(objects, "build/"+name+".o")
		if err := os.WriteFile(filepath.Join(dir, name+".c"), renamed([]byte(source), n), 0o644); err != nil {
			return Project{}, err
		}
	}
	if err := project.WriteDatabase(); err != nil {
		return Project{}, err
	}

	compile := append([]string{Compiler}, project.Flags...)
	compile = append(compile, "-ffile-prefix-map="+dir+"=.", "-S", largeName(0)+".c", "-o", "build/first.s")
	if err := project.run(ctx, compile); err != nil {
		return Project{}, err
	}
	code, err := os.ReadFile(filepath.Join(dir, "build", "first.s"))
	if err != nil {
		return Project{}, err
	}
	err = atOnce(files, func(n int) error {
		file := filepath.Join(dir, "build", largeName(n)+".s")
		if err := os.WriteFile(file, renamed(code, n), 0o644); err != nil {
			return err
		}
		defer os.Remove(file)
		return project.run(ctx, append(append([]string{Compiler}, arm...), "-c", file, "-o", objects[n]))
	})
	if err != nil {
		return Project{}, err
	}
	list := filepath.Join(dir, "build", "objects")
	if err := os.WriteFile(list, []byte(strings.Join(objects, "\n")), 0o644); err != nil {
		return Project{}, err
	}
	link := append(append([]string{Compiler}, arm...), "-nostdlib", "-Wl,-Ttext=0x08000000,-Tdata=0x20000000,-e0x08000000",
		"@"+list, "-lgcc", "-o", "build/firmware.elf")
	return project, project.run(ctx, link)
}

// largeName is the name of a file, always of the same length.
func largeName(n int) string { return fmt.Sprintf("u%04d", n) }

func renamed(text []byte, n int) []byte {
	return bytes.ReplaceAll(text, []byte(largeName(0)), []byte(largeName(n)))
}

func largeHeader() string {
	var b strings.Builder
	for i := range largeTypes {
		fmt.Fprintf(&b, "struct type_%d {\n    int first_%[1]d;\n    unsigned short flags_%[1]d;\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "    struct type_%d *previous_%d;\n", i-1, i)
		}
		fmt.Fprintf(&b, "    enum { kind_%d_a, kind_%[1]d_b = %[1]d } kind_%[1]d;\n", i)
		fmt.Fprintf(&b, "    void (*handler_%d)(struct type_%[1]d *, int);\n", i)
		fmt.Fprintf(&b, "    union { unsigned word; unsigned char bytes[4]; } data_%d;\n};\ntypedef struct type_%[1]d type_%[1]d_t;\n", i)
	}
	return b.String()
}

func largeSource() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#include \"large.h\"\n\nstatic int state_%s;\n\n", largeName(0))
	fmt.Fprintf(&b, "static inline int scale_%s(int v) { return v * 3 + state_%[1]s; }\n", largeName(0))
	for i := range FunctionsPerFile {
		fmt.Fprintf(&b, `
int work_%s_%02d(type_%[2]d_t *item, int n)
{
    static int calls_%[2]d;
    int total = 0;
    for (int i = 0; i < n; i++)
        total += scale_%[1]s(item[i].first_%[2]d) ^ item[i].flags_%[2]d;
    calls_%[2]d++;
    state_%[1]s += total;
    return total / calls_%[2]d;
}
`, largeName(0), i)
	}
	return b.String()
}
