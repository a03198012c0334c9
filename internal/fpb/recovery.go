package fpb

// Recovery: what is known after an answer was lost, late, damaged or doubled,
// and the step that restores certainty.
//
// Of every request: it was carried out or not, and more answers may come. The
// next request is preceded by an echo of a text of its own ([Client.sync]), whose
// answer nothing else looks like; what comes before it is taken out by its shape.
// A late or a second answer is never the next request's.
//
//	ping, echo   nothing changes; asked again
//	info         nothing changes; no checksum: what is unexpected is believed when it
//	             comes again
//	read         nothing changes; asked again, the answer has a checksum
//	alloc        a block may be pending that nobody knows; the next alloc frees it. The
//	             address has no checksum: the first upload's answer proves it
//	upload       the bytes are there, or not, or the allocation was freed, which the
//	             loader says when asked again: [ErrAllocationLost], begin with alloc
//	write        the bytes are there or not; sent again, at the same address
//	patch        armed, not armed, or the board was reset and target is nobody's
//	             memory. Never sent again unseen: info tells whether the slot is taken. If
//	             it is free, other slots that are empty tell of a reset, a few bytes for
//	             the allocation prove that it is still pending, and its content is read
//	             back; only then is it sent again
//	enable       switched or not; sent again, then info is compared
//	unpatch      cleared or not, and by a damaged slot number another one, too; sent
//	             again, then info is compared with all slots as they should be
//
// When the line or the process ends between two of these, the ledgers that were saved
// before the first comparator changed say how the slots were and how they should be, and
// the next connection's info tells which of them are. An operation that has armed all is
// then completed, any other is taken back (patch.Board.Finish).
