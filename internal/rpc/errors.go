package rpc

import (
	"context"
	"encoding/json"
	"errors"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/fpbls/fpbls/internal/problem"
)

// ErrorData is the data member of an error answer.
type ErrorData struct {
	Code problem.Code `json:"code"`           // one of the published codes
	Hint string       `json:"hint,omitempty"` // what to do next
}

// wireError gives err the code that LSP assigns to its kind; without one the
// library would send 0. The message is what editors show to the user.
func wireError(err error) *jsonrpc2.Error {
	var coded *jsonrpc2.Error
	var p *problem.Problem
	isProblem := errors.As(err, &p)
	switch {
	case errors.Is(err, context.Canceled), isProblem && p.Code == problem.Cancelled:
		return &jsonrpc2.Error{Code: protocol.CodeRequestCancelled, Message: "cancelled", Data: data(problem.Cancelled, "")}
	case isProblem && p.Code == problem.Usage:
		return &jsonrpc2.Error{Code: jsonrpc2.InvalidParams, Message: err.Error(), Data: data(p.Code, p.Hint)}
	case isProblem:
		return &jsonrpc2.Error{Code: jsonrpc2.Code(protocol.LSPErrorCodesRequestFailed), Message: err.Error(), Data: data(p.Code, p.Hint)}
	case errors.Is(err, jsonrpc2.ErrParse):
		// The envelope was parsed; what could not be are the params.
		return &jsonrpc2.Error{Code: jsonrpc2.InvalidParams, Message: err.Error()}
	case errors.As(err, &coded) && coded.Code != 0:
		return &jsonrpc2.Error{Code: coded.Code, Message: err.Error(), Data: coded.Data}
	default:
		return &jsonrpc2.Error{Code: jsonrpc2.Code(protocol.LSPErrorCodesRequestFailed), Message: err.Error(), Data: data(problem.Internal, "")}
	}
}

func data(code problem.Code, hint string) jsonrpc2.RawMessage {
	raw, err := json.Marshal(ErrorData{code, hint})
	if err != nil {
		return nil
	}
	return raw
}
