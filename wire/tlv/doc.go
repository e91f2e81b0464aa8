// Package tlv reads and writes the BER-TLV data objects that cards and
// terminals exchange (EMV Book 3 annex B; ISO/IEC 7816-4, 5.2.2; JR/T 0025.5),
// and the data object lists (DOL) by which a card asks for terminal data (EMV
// Book 3, 5.4). It also holds the dictionary of the data elements of EMV, of
// PBOC and of its low-value extension.
//
// Invariants:
//
//   - Order and repeats are kept; a tag that the dictionary does not know is
//     kept like any other.
//   - Every error is an [*Error]: it has the byte offset in the slice that the
//     caller gave and the path of tags that leads there.
//   - Tags have one to three bytes. Lengths are definite and have at most four
//     bytes after 81..84; a length that is longer than it need be is read,
//     and written back in its shortest form.
//   - An input has at most [MaxSize] bytes and at most [MaxDepth] levels.
//   - Values are never copied: they are slices of the input.
//
// Padding between objects: 00 is skipped (EMV Book 3 annex B1). FF is skipped
// only where it cannot begin a tag that is in use: in a run of two or more, in
// front of 00, and at the end of the data. One FF in front of any other byte
// begins a private-class tag such as FF8105.
package tlv
