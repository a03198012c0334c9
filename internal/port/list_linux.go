package port

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List lists the serial ports, without touching them: it reads directories, and
// opens no port. (The library's list opens each ttyS* and sets it to 9600 baud.)
func List() ([]Port, error) { return system{"/sys", "/dev"}.list() }

// system is where Linux describes its devices.
type system struct{ sys, dev string }

func (s system) list() ([]Port, error) {
	entries, err := os.ReadDir(filepath.Join(s.sys, "class/tty"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stable := s.stableNames()
	var ports []Port
	for _, e := range entries {
		device := filepath.Join(s.dev, e.Name())
		if !s.isPort(e.Name()) {
			continue
		}
		if _, err := os.Stat(device); err != nil {
			continue // a container that has only some of the devices
		}
		p := Port{Name: device, Description: s.product(e.Name())}
		if name, ok := stable[device]; ok {
			p.Name, p.Device = name, device
		}
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b Port) int {
		// What was plugged in comes before what is built in.
		if c := cmp.Compare(len(b.Description), len(a.Description)); (a.Description == "") != (b.Description == "") {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return ports, nil
}

// isPort tells hardware from consoles, pseudo-terminals, and the ports that the
// 8250 driver keeps for hardware that may come.
func (s system) isPort(tty string) bool {
	device, err := filepath.EvalSymlinks(filepath.Join(s.sys, "class/tty", tty, "device"))
	if err != nil {
		return false
	}
	if strings.Contains(device, "/platform/serial8250") {
		return false
	}
	kind, err := os.ReadFile(filepath.Join(s.sys, "class/tty", tty, "type"))
	return err != nil || strings.TrimSpace(string(kind)) != "0" // PORT_UNKNOWN
}

// stableNames maps devices to their links in /dev/serial/by-id.
func (s system) stableNames() map[string]string {
	names := make(map[string]string)
	links, err := filepath.Glob(filepath.Join(s.dev, "serial/by-id/*"))
	if err != nil {
		return names
	}
	for _, link := range links {
		if device, err := filepath.EvalSymlinks(link); err == nil && names[device] == "" {
			names[device] = link
		}
	}
	return names
}

// product is what the USB device behind the port calls itself.
func (s system) product(tty string) string {
	dir, err := filepath.EvalSymlinks(filepath.Join(s.sys, "class/tty", tty, "device"))
	if err != nil {
		return ""
	}
	root, err := filepath.EvalSymlinks(s.sys)
	if err != nil {
		return ""
	}
	for ; strings.HasPrefix(dir, root+"/"); dir = filepath.Dir(dir) {
		product, err := os.ReadFile(filepath.Join(dir, "product"))
		if err != nil {
			continue
		}
		maker, _ := os.ReadFile(filepath.Join(dir, "manufacturer"))
		return strings.Join(strings.Fields(string(maker)+" "+string(product)), " ")
	}
	return ""
}
