// Package testfirmware is the firmware of the demo and of the tests: an
// application that visibly does something, and the device side of the function
// loader, for an STM32F103. It carries the C sources and the ELF built from them.
//
// Beside the demo there are the programs that the tests build: see [Program].
package testfirmware

import (
	"embed"
	"io/fs"
)

//go:embed app board boot cases conformance loader throwing
var sources embed.FS

// DemoELF is the linked demo firmware, as [Project.Build] makes it.
//
//go:embed demo.elf
var DemoELF []byte

// Sources are the sources of all programs, by folder.
func Sources() fs.FS { return sources }
