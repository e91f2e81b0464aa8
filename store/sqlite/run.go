package sqlite

// RunState reads a value of the run's own notebook; nil if it was never set.
func (r *Reader) RunState(name string) (value []byte, err error) {
	err = r.Query(`SELECT value FROM run_state WHERE name = ?`, func(row *Row) error {
		value = row.Blob(0)
		return nil
	}, name)
	return value, err
}

// PutRunState writes a value of the run's own notebook.
func (tx *Tx) PutRunState(name string, value []byte) error {
	_, err := tx.Exec(`INSERT INTO run_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
