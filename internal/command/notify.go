package command

import (
	"reflect"

	"github.com/fpbls/fpbls/internal/board"
)

// A Notification is a message without an answer.
type Notification struct {
	Method     string
	FromServer bool
	Params     reflect.Type
	Doc        string
}

// Notifications lists the notifications that LSP does not have.
func Notifications() []Notification {
	return []Notification{
		{NotifyStatus, true, reflect.TypeFor[BoardStatus](), "Sent after the state of a board has changed, to clients that say \"status\": true in initializationOptions. Changes that follow each other quickly are sent as one."},
		{NotifyOutput, true, reflect.TypeFor[OutputParams](), "What the firmware prints, to clients that asked with `" + Output + "`."},
		{NotifyOutputAck, false, reflect.TypeFor[OutputAckParams](), "Confirms output, if a window was asked for."},
	}
}

// The names of the notifications.
const (
	NotifyStatus    = "fpbls/status"
	NotifyOutput    = "fpbls/output"
	NotifyOutputAck = "fpbls/outputAck"
)

// BoardStatus is what is known of a folder's board.
type BoardStatus struct {
	// The workspace folder.
	Folder string `json:"folder"`

	// The firmware's ELF; empty if there is none.
	ELF string `json:"elf,omitempty"`

	// One line for a status bar.
	Text string `json:"text"`

	board.Status
}

// OutputParams are a piece of the output.
type OutputParams struct {
	// The workspace folder whose board it is.
	Folder string `json:"folder"`

	// Counts the messages of a stream, from 1.
	Seq int `json:"seq"`

	// How many bytes before this text were dropped because the client was too slow.
	Lost int64 `json:"lost,omitzero"`

	// What was printed. Characters are whole; bytes that are not UTF-8 are U+FFFD.
	Text string `json:"text"`
}

// OutputAckParams confirm output.
type OutputAckParams struct {
	// The workspace folder.
	Folder string `json:"folder"`

	// The last message that was dealt with.
	Seq int `json:"seq"`
}

// Options are what a client may say in initializationOptions, beside the settings.
type Options struct {
	// The version of the commands and notifications that the client knows.
	Protocol int `json:"protocol,omitempty"`

	// Whether the client wants fpbls/status.
	Status bool `json:"status,omitempty"`
}
