package testfirmware

import "slices"

// A Program is a firmware as data: what it is made of, and how it is built.
type Program struct {
	Units []string // the sources, C or C++, as patterns; their folders are the project's
	Flags []string // to compile each unit
	Link  []string // to link, before and after the objects; see linkLine
	Libs  []string
}

var (
	arm      = []string{"-mcpu=cortex-m3", "-mthumb"}
	warnings = []string{"-Wall", "-Wextra"}
	sections = []string{"-ffunction-sections", "-fdata-sections"}

	onSTM32 = append(slices.Clone(arm), "-nostdlib", "-Tboard/stm32f103.ld", "-Wl,--gc-sections", "-Wl,--build-id=sha1")
)

// Demo is what [DemoELF] is.
func Demo() Program {
	return Program{
		Units: []string{"app/*.c", "board/*.c", "loader/*.c"},
		Flags: slices.Concat(arm, []string{"-std=gnu11", "-Os", "-g"}, warnings, []string{"-ffreestanding"}, sections,
			[]string{"-Iapp", "-Iboard", "-Iloader"}),
		Link: onSTM32,
		Libs: []string{"-lgcc"},
	}
}

// Loaders is the demo with each kind of function loader that boards in the field
// have, by name; see fl.h of the loader.
func Loaders() map[string]Program {
	shell := Demo()
	shell.Units = append(slices.Clone(shell.Units), "loader/nuttx/*.c")
	shell = shell.With("-DFL_SHELL", "-DBOARD_TICK=log_tick")
	return map[string]Program{
		"1.5":                         Demo(),
		"1.5, memory from a heap":     Demo().With("-DFL_MALLOC"),
		"1.5, shell":                  shell,
		"1.6":                         Demo().With("-DFL_DIALECT=16"),
		"1.6, shell that sleeps":      shell.With("-DFL_DIALECT=16", "-DFL_SHELL_SLEEPS"),
		"1.6, shell to be entered":    shell.With("-DFL_DIALECT=16", "-DFL_SHELL_STRICT"),
		"1.6, no trampolines":         Demo().With("-DFL_DIALECT=16", "-DFL_NO_TRAMPOLINE"),
		"1.6, no DebugMonitor":        Demo().With("-DFL_DIALECT=16", "-DFL_NO_DEBUGMON"),
		"1.6, no Flash Patch unit":    Demo().With("-DFL_DIALECT=16", "-DFL_NO_FPB"),
		"1.5, trampolines of plain C": Demo().With("-DFL_PLAIN_TRAMPOLINES"),
	}
}

// Cases is a program for the demo's board with one function for every case that is
// hard for whoever replaces functions in a running firmware. It calls each of them
// ten times a second and prints "name=result".
func Cases() Program {
	return Program{
		Units: []string{"cases/*.c", "cases/*.cc", "app/print.c", "board/*.c", "loader/*.c"},
		// Entries have to stand where the linker script puts them, at any level.
		Flags: slices.Concat(arm, []string{"-std=gnu11", "-Os", "-g"}, warnings, []string{"-ffreestanding", "-fno-align-functions"}, sections,
			[]string{"-Icases", "-Iapp", "-Iboard", "-Iloader"}),
		Link: slices.Concat([]string{"-Tcases/entries.ld"}, onSTM32),
		Libs: []string{"-lgcc"},
	}
}

// Throwing is a program in C++ whose exceptions and run-time types work.
func Throwing() Program {
	return Program{
		Units: []string{"throwing/*.cc", "app/print.c", "board/startup.c", "board/uart.c", "loader/*.c"},
		Flags: slices.Concat(arm, []string{"-std=gnu11", "-Os", "-g"}, warnings, sections, []string{"-fexceptions", "-frtti", "-Iapp", "-Iboard", "-Iloader"}),
		Link:  onSTM32,
		Libs:  []string{"-lsupc++", "-lc_nano", "-lgcc"},
	}
}

// Bootloader is a program in front of [Application] in the flash of the demo's board.
func Bootloader() Program {
	return Program{
		Units: []string{"boot/boot.c"},
		Flags: slices.Concat(arm, []string{"-std=gnu11", "-Os", "-g"}, warnings, []string{"-ffreestanding"}, sections, []string{"-Iboot"}),
		Link:  append(slices.Clone(arm), "-nostdlib", "-Tboot/boot.ld", "-Wl,--gc-sections", "-Wl,--build-id=sha1"),
	}
}

// Application is the demo behind [Bootloader], whose services it calls.
func Application() Program {
	p := Demo().With("-DBOARD_TICK=boot_tick")
	p.Units = append(slices.Clone(p.Units), "boot/client.c")
	p.Link = append(slices.Clone(p.Link), "-Wl,--defsym=_bootloader=0x4000")
	return p
}

// Conformance is a program for the MPS2 board that prints what a core computes,
// and stops after the line [ConformanceEnd].
func Conformance() Program {
	return Program{
		Units: []string{"conformance/*.c"},
		Flags: slices.Concat(arm, []string{"-std=gnu11", "-Os", "-g"}, warnings),
		Link:  append(slices.Clone(arm), "-nostartfiles", "-Tconformance/mps2.ld"),
		Libs:  []string{"-lm"},
	}
}

// ConformanceEnd is the last line that [Conformance] prints.
const ConformanceEnd = "end of conformance\n"

// With returns the program with more compile flags; of contradicting ones, such
// as the level of optimisation, the last counts.
func (p Program) With(flags ...string) Program {
	p.Flags = slices.Concat(p.Flags, flags)
	return p
}
