package doctor

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/fpbls/fpbls/internal/problem"
)

// ThisHost is the machine that the program runs on.
type ThisHost struct{}

// Processes reads the names from /proc.
func (ThisHost) Processes() []string {
	files, _ := filepath.Glob("/proc/[0-9]*/comm")
	var names []string
	for _, f := range files {
		if name, err := os.ReadFile(f); err == nil { // it may have ended
			names = append(names, strings.TrimSpace(string(name)))
		}
	}
	return names
}

// Access looks at the device's permissions, without opening it.
func (ThisHost) Access(device string) error {
	st, err := os.Stat(device)
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.PortMissing, `plug the board in; "fpbls ports" lists what is there`, "there is no port %s", device)
	}
	if err == nil && unix.Access(device, unix.R_OK|unix.W_OK) == nil {
		return nil
	}
	hint := "change the permissions of the device"
	if group := groupOf(st); group != "" {
		hint = `"sudo usermod -aG ` + group + ` $USER", then log in again`
	}
	return problem.New(problem.PortDenied, hint, "no permission to open %s", device)
}

// groupOf names the group that a device belongs to.
func groupOf(st fs.FileInfo) string {
	if st == nil {
		return ""
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(sys.Gid)))
	if err != nil {
		return ""
	}
	return g.Name
}
