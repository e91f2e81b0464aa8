package ledger_test

import (
	"fmt"

	"github.com/citycard/citycard/ledger"
)

// A card is loaded with 50 yuan and pays 4 yuan offline; the row is sent twice.
func Example() {
	customer := ledger.AccountID{byte(ledger.CustomerBank), 1}
	float := ledger.AccountID{byte(ledger.CardFloat), 1}
	settlement := ledger.AccountID{byte(ledger.Settlement), 1}
	books := newBooks()
	books.accounts[customer] = ledger.State{}
	books.accounts[float] = ledger.State{Limit: ledger.DebitsWithinCredits}
	books.accounts[settlement] = ledger.State{}

	batch := []ledger.Transfer{
		{ID: ledger.TransferID{1}, Debit: customer, Credit: float, Amount: 5000, At: 100},
		{ID: ledger.TransferID{2}, Debit: float, Credit: settlement, Amount: 400, At: 200},
		{ID: ledger.TransferID{2}, Debit: float, Credit: settlement, Amount: 400, At: 200},
	}
	result, err := ledger.Apply(books, batch)
	if err != nil {
		fmt.Println(err)
		return
	}
	books.store(batch, result)
	for i, o := range result.Outcomes {
		fmt.Println(batch[i].Amount, o, o.Text("zh"))
	}
	fmt.Println("float", books.accounts[float].Balance.Net())
	// Output:
	// 50.00 created 已入账
	// 4.00 created 已入账
	// 4.00 exists_same 重复提交，已入账
	// float 46.00
}
