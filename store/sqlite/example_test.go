package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/store/sqlite"
)

// A fare is booked and sent again after a lost answer.
func Example() {
	dir, err := os.MkdirTemp("", "citycard")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(filepath.Join(dir, "books.db"), sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	ctx := context.Background()
	float := ledger.Account{ID: ledger.AccountID{2, 1}, Kind: ledger.CardFloat, Owner: "card token"}
	settlement := ledger.Account{ID: ledger.AccountID{3, 1}, Kind: ledger.Settlement, Owner: "operator 04"}
	fare := ledger.Transfer{ID: ledger.TransferID{7}, Debit: float.ID, Credit: settlement.ID, Amount: 400, At: 1790000000}
	err = db.Write(ctx, func(tx *sqlite.Tx) error {
		if _, err := tx.OpenAccounts([]ledger.Account{float, settlement}); err != nil {
			return err
		}
		outcomes, err := tx.PostBatch([]ledger.Transfer{fare})
		fmt.Println(outcomes)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	outcomes, err := db.Post(ctx, []ledger.Transfer{fare})
	fmt.Println(outcomes, err)
	err = db.Read(ctx, func(r *sqlite.Reader) error {
		balance, _, err := r.BalanceAsOf(settlement.ID, 1790000000)
		fmt.Println("owed to the operator:", balance.Net())
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// [created]
	// [exists_same] <nil>
	// owed to the operator: 4.00
}
