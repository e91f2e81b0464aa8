// Package civic makes the public service partitions of a livelihood card: social
// security, 北京通 (Beijing Tong), civil affairs and disabled persons. A partition
// is a data file; package card/files serves what it describes.
//
//	p, err := civic.Embedded("social-security") // or civic.Parse(file)
//	t, err := p.Template(&issue)                // an application for card.Assemble
//
// A data file says names, files, fields with tag, length, type and Chinese name,
// access rules, PINs and keys, and values for a development card. A new partition
// is a new data file; package card/civic/livelihood puts partitions on a card.
//
// What always holds:
//
//   - A data file is refused, with line and key, if it has a key that is not known,
//     a value out of its range, or parts that do not fit each other.
//   - A partition is a file system of its own. Its keys stand in its own MF and
//     directories, so no other application of the card can name them.
//   - Key values are in no data file but the public PINs of development cards. A
//     card's key comes from a master by two steps of diversification.
//   - Whatever a data file does not allow is never possible.
//
// Layout of a partition, made from its data file:
//
//	MF 3F00        PINs and keys of the whole partition (key file 0010)
//	  ADF          the name by which SELECT finds the partition
//	    EF..       its files
//	    DF..       directories, with names and keys of their own
//
// Sources: LD/T 32 (social security: files, tags, PIN, keys, process factor), DB11/T
// 1179 (Beijing Tong: kinds of card and applications; no file or name of it is
// public), the disabled person's certificate of the third generation. ISO/IEC
// 7816-4 for files and commands. What no public text gives is our choice and is
// told so in the data files.
package civic
