// Package settings is the configuration: its schema, where values come from,
// which one wins, and what is wrong with them.
//
// Values come in layers: the defaults, then fpbls.toml at the root of the
// workspace folder, then the editor, then the flags of a command. A later layer
// wins, key by key. A value that is unknown or wrong is reported as an [Issue]
// and left out; it never makes the rest unusable.
package settings
