package settings

// Settings is the configuration of one workspace folder. The comments of its
// fields are the reference page: see [Reference].
type Settings struct {
	// The board's port: a serial device (`/dev/serial/by-id/…`, `COM3`), a TCP
	// address (`tcp://host:port`), `sim:` for the simulated board running the
	// folder's ELF, or `sim:path.elf`. `fpbls ports` lists what is there.
	Port string `json:"port" scope:"machine" kind:"port"`

	// The line's speed in bits per second.
	Baud int `json:"baud" min:"1" max:"12000000"`

	// The ELF file of the firmware that runs on the board. When it is not set,
	// the newest ARM ELF with symbols in the folder, `build*/`, `out/` or
	// `cmake-build-*/` is used.
	ELF string `json:"elf" kind:"path"`

	// The ELF file of a second program in the board's flash, such as a bootloader, whose
	// functions are named and patched as well. A file is compiled for, and linked
	// against, the program that it belongs to. The compile database beside this ELF,
	// or the nearest above it, is the bootloader's own.
	Bootloader string `json:"bootloader" kind:"path"`

	// The compile database, `compile_commands.json`, or the directory that holds
	// it. When it is not set, the one beside the ELF or in the usual build
	// directories is used.
	CompileCommands string `json:"compileCommands" kind:"path"`

	// How calls are redirected to the patch: `trampoline` (a jump through a
	// table in RAM), `direct` (a branch in the Flash Patch unit, which reaches
	// 16 MiB), `debugmon` (a breakpoint that the DebugMonitor exception answers).
	// `auto` is `trampoline` on a unit of version 1, `debugmon` on version 2.
	Mode string `json:"mode" enum:"auto,trampoline,direct,debugmon"`

	// What saving a file does. `off`: nothing. `marked`: functions with a
	// `/* FPB_INJECT */` comment are injected, and taken back when the comment is
	// gone. `changed`: the board follows the file: every function that differs from
	// the firmware is injected, or updated, and those that equal it again are taken
	// back.
	InjectOnSave string `json:"injectOnSave" enum:"off,marked,changed"`

	// What happens with injected functions that a reset of the board has lost.
	// `offer`: they are named and offered again. `reinject`: they are injected
	// again at once. `ignore`: neither.
	AfterReset string `json:"afterReset" enum:"offer,reinject,ignore"`

	// Which code lenses stand above functions.
	Lenses Lenses `json:"lenses"`

	// Show the state of injected functions as an inlay hint after their name.
	InlayHints bool `json:"inlayHints"`
}

// Lenses switches each kind of code lens.
type Lenses struct {
	// `Inject` above functions of the firmware that are not injected.
	Inject bool `json:"inject"`

	// The state of injected functions: `live, slot 2, 84 B`, `disabled`.
	State bool `json:"state"`

	// `edited since injected: Update`.
	Update bool `json:"update"`

	// `lost by reset: Re-inject`.
	Lost bool `json:"lost"`
}

// Defaults returns the settings that hold where nothing else is said.
func Defaults() Settings {
	return Settings{
		Baud:         115200,
		Mode:         "auto",
		InjectOnSave: "off",
		AfterReset:   "offer",
		Lenses:       Lenses{Inject: true, State: true, Update: true, Lost: true},
		InlayHints:   true,
	}
}
