package port

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := system{filepath.Join(root, "sys"), filepath.Join(root, "dev")}
	file := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(path, to string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, to), path); err != nil {
			t.Fatal(err)
		}
	}
	tty := func(name, device string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, device), 0o755); err != nil {
			t.Fatal(err)
		}
		link("sys/class/tty/"+name+"/device", device)
		file("dev/"+name, "")
	}
	tty("ttyACM0", "sys/devices/usb1/1-1/1-1:1.0")
	file("sys/devices/usb1/1-1/product", "STM32 STLink\n")
	file("sys/devices/usb1/1-1/manufacturer", "STMicroelectronics\n")
	link("dev/serial/by-id/usb-STLink-if02", "dev/ttyACM0")
	tty("ttyUSB3", "sys/devices/usb1/1-2/1-2:1.0/ttyUSB3")
	file("sys/devices/usb1/1-2/product", "CP2102\n")
	tty("ttyS0", "sys/devices/pnp0/00:05")
	file("sys/class/tty/ttyS0/type", "4\n")
	tty("ttyS1", "sys/devices/pnp0/00:06")
	file("sys/class/tty/ttyS1/type", "0\n") // no hardware
	tty("ttyS2", "sys/devices/platform/serial8250/tty")
	file("sys/class/tty/tty0/dev", "4:0\n") // a console
	file("dev/tty0", "")
	tty("ttyACM9", "sys/devices/usb1/1-9/1-9:1.0")
	if err := os.Remove(filepath.Join(root, "dev/ttyACM9")); err != nil { // not in this container
		t.Fatal(err)
	}

	got, err := s.list()
	if err != nil {
		t.Fatal(err)
	}
	want := []Port{
		{Name: filepath.Join(root, "dev/serial/by-id/usb-STLink-if02"), Device: filepath.Join(root, "dev/ttyACM0"), Description: "STMicroelectronics STM32 STLink"},
		{Name: filepath.Join(root, "dev/ttyUSB3"), Description: "CP2102"},
		{Name: filepath.Join(root, "dev/ttyS0")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if ports, err := (system{filepath.Join(root, "none"), root}).list(); err != nil || ports != nil {
		t.Errorf("without /sys: %v, %v", ports, err)
	}
}
