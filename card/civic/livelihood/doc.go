// Package livelihood puts a livelihood card (民生卡) together: finance application,
// purse for transport and public service partitions on one chip.
//
//	p, err := livelihood.Embedded("livelihood")
//	image, err := p.Image(&issue)
//
// A profile is a data file: the profiles of finance and purse, the partitions of
// package card/civic, which of them a reset selects, and the historical bytes. A
// partition more is a data file in card/civic and a word in the profile.
//
// What always holds:
//
//   - The answer to reset and the answer to select have the same 13 historical
//     bytes, those of the social security card (LD/T 32), whose keys are diversified
//     by the last eight of them. No other application takes anything from them.
//   - Every partition has memory, files and keys of its own; selecting another ends
//     what was verified. The security domain cannot install anything under their
//     names.
//   - Over the air the directory (PPSE) names the finance application and, with
//     purse_entry, the purse behind it; the PSE of the contacts names the first alone.
//     Partitions where nothing is paid are in neither.
//   - Social security is the root, so that its directories are found by their own
//     names; the PSE of the contacts is an application of its own.
//
// Sources: LD/T 32 (answer to reset, card identification code, key diversification),
// ISO/IEC 7816-3 and ISO/IEC 14443-4 (historical bytes). Where LD/T 32's own layout
// meets other applications' rules it wins, for its keys depend on it (our choice).
package livelihood
