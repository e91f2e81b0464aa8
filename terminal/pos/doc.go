// Package pos is the till of a shop: one sale from the amount to the result, with any
// card. It chooses between the kernels (qPBOC and magnetic stripe data over the air,
// debit/credit and electronic cash over both interfaces), the magnetic stripe and the
// plain reading of a balance; it turns their outcomes into rows, questions to the issuer
// and reversals; it waits for the card of a torn sale.
//
// # One sale
//
// Begin and Step return an Action: send these bytes to the card, ask the cardholder,
// ask the issuer, wait for the card to come back, or the Result. The Till is a pure step
// machine: the amount, the time, random bytes and the answers of card, person and
// issuer come in; it knows no reader, clock, line or store. A Result says what to store,
// then what to send (Reversal), then what to show.
//
// # Which way a card goes
//
//	over the air    purchase                  Config.Mode: qPBOC (first choice), full
//	                                          debit/credit, or magnetic stripe data
//	                inquiry, load, unload     debit/credit
//	over contacts   purchase                  electronic cash where the card agrees, else
//	                                          debit/credit
//	                inquiry, load, unload     debit/credit
//	both            balance                   SELECT and GET DATA, no transaction
//	stripe          purchase, inquiry         online, if the chip leaves room for it
//
// A card that answers 6985, an amount over the contactless limit, and the stripe of a
// chip card end with OtherInterface.
//
// # Torn sales
//
// A qPBOC card pays when its last record is read. Until the till asks for that record
// the card has certainly not paid; after the answer it has. In between nobody knows:
// the Action is Again, and the same card, held to the reader once more, repeats the
// record, whose 9F69 its signature covers. Then the sale is finished without a new
// charge. Nothing less counts as proof. A card that by counter and balance has not paid
// is asked to pay anew, up to three times in all, and each old counter stays as a doubt
// row in case it lied. If it turns out to be another card that looks the same, it is let
// go before it pays (doubt row LeftBeforeLast). A card that cannot be read, or is another
// one, does not end the wait. If the card does not come back, cannot prove what it did,
// or leaves the new attempt before it has told who it is, the sale ends as Doubt.
//
//	the card left                                              Outcome     row
//	before the answer to GET PROCESSING OPTIONS                CardLost    none
//	after a TC in it, before the last record was asked for     Doubt       LeftBeforeLast
//	after the last record was asked for                        Again, then Doubt  LastAnswerLost
//	electronic cash over contacts, GENERATE AC not answered    Doubt       LastAnswerLost
//	debit/credit                                               CardLost    none; a reversal if the issuer was asked
//	load or unload, the issuer's script sent                   Doubt       none; a reversal that asks (ScriptUnknown)
//
// # Power failures
//
// An owner that outlives them writes down, in one write before it does what an Action
// asks for: Pending (rows), Export (the torn sale) and Unsettled (a reversal); and with
// the Result its Records and Reversal in their place. After the failure the rows are
// rows like others, the reversal is sent, and Restore goes on with the torn sale.
//
// # Invariants
//
//   - OfflineApproved of a purchase has exactly one row with a TC whose card passed
//     offline data authentication; OnlineApproved has the issuer's approval. The action
//     codes of New see to it that no card is asked for a TC over the contacts that has
//     not passed.
//   - Every counter of a card that the till has certainly seen used leaves exactly one
//     row, but for those of an ARQC: these are the issuer's to record, and one that was
//     not sent moved nothing.
//   - A sale charges one card, and that at most once, as far as it tells the truth;
//     where it may have paid twice, or paid for nothing, a doubt row says so, and a sale
//     that was not approved is in Doubt then.
//   - What the issuer approved and did not come about has a Reversal.
//   - No answer of a card or an issuer makes the till panic. An event that its Action
//     does not allow does: that is a fault of the program around it.
//
// Sources: JR/T 0025.12 (qPBOC, tearing, magnetic stripe data), JR/T 0025.13 (electronic
// cash), JR/T 0025.5 and EMV Books 3 and 4 (debit/credit, reversal), GB/T 15150 (ISO 8583:
// fields 22, 38, 39, 55), ISO/IEC 7813 (stripe). How a load ends when its script's result
// is lost, and when a torn sale is charged anew, is our choice.
package pos
