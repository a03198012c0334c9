//go:build unix

package port

// GetTermios is the request that reads a terminal's settings.
const GetTermios = getTermios
