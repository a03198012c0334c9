// Package workspace is what the user has open: folders with their configuration,
// firmware image, compile database and board ([Project]), and documents as they
// stand in the editor ([Documents]).
//
// What changes is behind small locks; what is handed out is immutable.
package workspace
