// Package shard keeps the card timelines of a city of many millions of cards, and
// runs the day of reconciliation over them.
//
// Cards are dealt out to shards by the first bits of their token. A shard is a few
// files that are never changed: the head, one record a card in the order of tokens,
// and for each day a past, what the cards shed that day (timeline.Card.Shed). A head
// record is short, whatever the card has been through, so a day costs one reading and
// one writing of the heads and one writing of the day's rows; the past is read only
// for a card that wants it (timeline.WantsPast).
//
// A database stands beside the files (package sqlite). It holds what is exceptional,
// breaks, flash findings and postings, and it says which files are valid: the
// manifest of a shard changes in the transaction that holds what the shard's day
// found. So a kill at any moment leaves a shard as before the day or as after it, and
// money moves with the manifest or not at all. Files that no manifest names are
// rubbish of an interrupted run; the next one removes them.
//
// A row that comes between two days (Late) goes through the database alone: the card
// stands in the table recon_card from then on, above what the files say, until the
// next day's run takes it into the files.
//
// Invariants:
//   - The result of a day does not depend on the number of workers, nor on the order
//     of the events.
//   - Tokens stand in the files, never account numbers.
//   - Every block of a file carries a checksum. A shard with a damaged head is left as
//     it is and reported; all others go on. A card whose past is damaged and wanted is
//     reported like a card that cannot be decoded.
//
// The allowance for provisional credits is shared out in equal parts to the shards
// when a day begins, so that no shard's credits depend on how far another one is.
package shard
