package problem

// A Code names a kind of problem. Codes are part of the interface: scripts
// compare them, so they are never renamed.
type Code string

// The codes, by what they are about.
const (
	Usage     Code = "usage"     // the command line or a command's arguments are wrong
	Config    Code = "config"    // fpbls.toml or an editor setting is wrong
	Cancelled Code = "cancelled" // the user cancelled before the commit point
	Internal  Code = "internal"  // a bug in fpbls

	NoELF           Code = "no-elf"                  // no firmware ELF was named or found
	BadELF          Code = "bad-elf"                 // not an ARM ELF, truncated or damaged
	NoSymbols       Code = "no-symbols"              // the ELF has no symbol table
	NoSuchFunction  Code = "no-such-function"        // the name is not in the image or the source
	AmbiguousName   Code = "ambiguous-name"          // the name stands for several functions
	NotInImage      Code = "not-in-image"            // in the source, but the image has no such function (inlined or removed)
	NoSuchFile      Code = "no-such-file"            // a source file does not exist
	NoDatabase      Code = "no-compile-database"     // no compile_commands.json was named or found
	BadDatabase     Code = "bad-compile-database"    // compile_commands.json cannot be read
	NotInDatabase   Code = "not-in-compile-database" // no entry for the file, and no sibling to borrow from
	CompilerMissing Code = "compiler-missing"        // the compiler of the entry is not installed
	CompilerRefused Code = "compiler-not-allowed"    // the compiler is not on the allow-list, or lies in the workspace
	CompileFailed   Code = "compile-error"           // the compiler rejected the source
	BadObject       Code = "bad-object"              // the compiler's object cannot be read
	UndefinedSymbol Code = "undefined-symbol"        // the patch needs a symbol that neither it nor the image has
	BadRelocation   Code = "unsupported-relocation"  // a relocation of an unknown kind, or one that does not reach
	CannotCompare   Code = "cannot-compare"          // the unit and the firmware cannot be compared: another compiler, link-time optimisation
	CannotLink      Code = "cannot-link"             // the patch needs something that cannot be linked into a running image

	PatchTooLarge Code = "patch-too-large" // the loader's pool has no such block
	NoFreeSlot    Code = "no-free-slot"    // every comparator is taken
	NotInjected   Code = "not-injected"    // the function or slot holds no patch
	VerifyFailed  Code = "verify-failed"   // what was read back is not what was sent
	WrongFirmware Code = "wrong-firmware"  // the board runs another firmware than the ELF

	UnalignedEntry   Code = "unaligned-entry"    // the function starts at 4k+2 on FPB v1
	BranchIntoEntry  Code = "branch-into-entry"  // a branch targets the replaced word
	TooShort         Code = "function-too-short" // shorter than the replaced word
	SharedAddress    Code = "shared-address"     // several functions share the code at the address
	SignatureChanged Code = "signature-changed"  // parameters changed, and not all callers can be patched with the function
	NeverEntered     Code = "never-entered"      // the function runs already and is never entered again: its patch would not run
	LayoutChanged    Code = "layout-changed"     // a type or variable is not what it is in the running firmware
	CallerRelies     Code = "caller-relies"      // a caller that cannot be patched counts on registers that the old code keeps
	OutOfReach       Code = "out-of-reach"       // outside the FPB's or the branch's reach
	LoaderPath       Code = "loader-path"        // the loader itself runs through the function
	ModeUnavailable  Code = "mode-unavailable"   // the board cannot patch in the mode that was asked for

	PortMissing  Code = "port-missing"  // no port was named, or there is no such port
	PortDenied   Code = "port-denied"   // no permission to open the port
	PortBusy     Code = "port-busy"     // another process holds the port
	BoardSilent  Code = "board-silent"  // nothing answers on the port
	BoardGarbled Code = "board-garbled" // what answers is not a function loader
	BoardLost    Code = "board-lost"    // the port went away
	BoardRefused Code = "board-refused" // the loader answered with an error
	NoFPB        Code = "no-fpb"        // the board has no Flash Patch unit, or it is switched off
	SimFault     Code = "sim-fault"     // the simulated board stopped
)
