package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/fpbls/fpbls/internal/doctor"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/toolchain"
)

// An answer is what a command has to say: its fields as JSON, or its text.
type answer interface {
	text(w io.Writer)
}

// print prints the answer of a command, or one of a stream.
func (a *app) print(r answer) error {
	if a.json {
		return a.object(true, r)
	}
	var b bytes.Buffer
	r.text(&b)
	_, err := a.out.Write(b.Bytes())
	return err
}

// object prints v, which marshals to an object, with "ok" in front, on one line.
func (a *app) object(ok bool, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	fields := b.Bytes()[1:]
	separator := ","
	if fields[0] == '}' {
		separator = ""
	}
	_, err := fmt.Fprintf(a.out, `{"ok":%t%s%s`, ok, separator, fields)
	return err
}

// A failure is an error as scripts get it.
type failure struct {
	Code        problem.Code `json:"code"`
	Message     string       `json:"message"`
	Hint        string       `json:"hint"`
	Diagnostics []diagnostic `json:"diagnostics,omitempty"` // of the compiler
}

// fail prints why the command failed.
func (a *app) fail(err error) {
	f := describe(err)
	if a.json {
		body := struct {
			Error  failure        `json:"error"`
			Checks []doctor.Check `json:"checks,omitempty"` // of doctor
		}{Error: f}
		if u, ok := errors.AsType[*unsound](err); ok {
			body.Checks = u.checks
		}
		// Nobody is left to be told if this cannot be printed.
		_ = a.object(false, body)
		return
	}
	for _, d := range f.Diagnostics {
		d.text(a.err)
	}
	fmt.Fprintln(a.err, "fpbls: "+f.Message)
	if f.Hint != "" {
		fmt.Fprintln(a.err, "  "+f.Hint)
	}
}

// describe turns any error into what people and scripts are told.
func describe(err error) failure {
	f := failure{Code: problem.CodeOf(err)}
	f.Message, f.Hint = problem.Describe(err)
	if f.Code == problem.Internal && errors.Is(err, context.Canceled) {
		f = failure{Code: problem.Cancelled, Message: "cancelled", Hint: "the board runs what it ran before"}
	}
	if rejected, ok := errors.AsType[*toolchain.CompileError](err); ok {
		f.Diagnostics = diagnostics(rejected.Diagnostics)
	}
	return f
}

// list makes an empty slice of a nil one, so that JSON has [] and not null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
