package fpb

import (
	"strings"

	"github.com/fpbls/fpbls/internal/problem"
)

// blame is what an error of the loader says about the request.
type blame uint8

const (
	// damaged means that the request did not arrive as it was sent: this client
	// sends no such thing. It was not carried out.
	damaged blame = iota
	// refused means that the loader cannot do what was asked.
	refused
	// unallocated means that there is no allocation to upload to.
	unallocated
)

// loaderErrors are the beginnings of the error messages of versions 1.5 and 1.6.
var loaderErrors = []struct {
	prefix string
	blame  blame
	code   problem.Code
	hint   string
}{
	{"CRC mismatch: ", damaged, "", ""},
	{"Request CRC mismatch: ", damaged, "", ""},
	{"Invalid base64 data", damaged, "", ""},
	{"Invalid arguments", damaged, "", ""},
	{"Unknown: ", damaged, "", ""},
	{"Missing --", damaged, "", ""},
	{"Invalid length ", damaged, "", ""},
	{"Invalid comp ", damaged, "", ""},
	{"Invalid address range ", damaged, "", ""},
	{"No allocation, call alloc first", unallocated, "", ""},
	{"Upload overflow: ", unallocated, "", ""},
	{"Alloc failed", refused, problem.PatchTooLarge, "make the patch smaller, revert other patches to free their memory, or give the loader a larger pool"},
	{"No malloc_cb", refused, problem.BoardRefused, "the firmware gives the loader no memory: set malloc_cb and free_cb in its context"},
	{"fpb_set_patch failed: ", refused, problem.BoardRefused, "the Flash Patch unit does not take this address"},
	{"fpb_debugmon_set_redirect failed: ", refused, problem.BoardRefused, "the Flash Patch unit does not take this address, or every comparator is taken"},
	{"Trampoline disabled (FPB_NO_TRAMPOLINE)", refused, problem.ModeUnavailable, "use --mode direct or debugmon, or build the loader without FPB_NO_TRAMPOLINE"},
	{"DebugMonitor disabled (FPB_NO_DEBUGMON)", refused, problem.ModeUnavailable, "use --mode trampoline or direct, or build the loader without FPB_NO_DEBUGMON"},
	{"DebugMonitor init failed", refused, problem.ModeUnavailable, "detach the debugger and power-cycle the board, or use --mode trampoline"},
	{"FPB disabled (FL_NO_FPB)", refused, problem.NoFPB, "build the loader without FL_NO_FPB"},
	{"Failed to enable patch ", refused, problem.BoardRefused, "the Flash Patch unit does not take it"},
	{"Failed to disable patch ", refused, problem.BoardRefused, "the Flash Patch unit does not take it"},
	{"Base64 encode failed", refused, problem.BoardRefused, "the loader's buffers are too small"},
}

// isLoaderError reports whether the message is one of the loader's.
func isLoaderError(message string) bool {
	for _, e := range loaderErrors {
		if strings.HasPrefix(message, e.prefix) {
			return true
		}
	}
	return false
}

// A refusal is an error that the loader answered with.
type refusal struct {
	message string
	blame   blame
}

func (r *refusal) Error() string { return "the loader answered: " + r.message }

func refusalOf(message string) *refusal {
	for _, e := range loaderErrors {
		if strings.HasPrefix(message, e.prefix) {
			return &refusal{message, e.blame}
		}
	}
	return &refusal{message, refused}
}

// problem is the refusal as people are told it. what is what was tried.
func (r *refusal) problem(what string) *problem.Problem {
	code, hint := problem.BoardRefused, "the loader's firmware may be of another version"
	for _, e := range loaderErrors {
		if e.code != "" && strings.HasPrefix(r.message, e.prefix) {
			code, hint = e.code, e.hint
			break
		}
	}
	return problem.New(code, hint, "%s: %w", what, r)
}
