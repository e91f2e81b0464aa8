package recon_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

func TestDefaultPolicyIsTheDefault(t *testing.T) {
	got, err := recon.DecodePolicy(recon.DefaultPolicy())
	if err != nil || !reflect.DeepEqual(got, timeline.DefaultParams()) {
		t.Errorf("%+v, %v", got, err)
	}
}

const policy = `{"cap_fen": 50000, "window_days": 10, "drift_seconds": 3, "late_rows": "refuse", "holds": true, "deposit_fen": 2000,
	"approve_above_fen": 5000, "provisional": {"after_hours": 48, "per_card_fen": 1000, "per_month_fen": 2000, "budget_fen": 300000},
	"earlier": [{"until": "2025-01-01", "cap_fen": 20000, "window_days": 30}, {"until": "2026-01-01", "cap_fen": 30000, "window_days": 20}]}`

func TestPolicyIsTheTimelinesRules(t *testing.T) {
	got, err := recon.DecodePolicy([]byte(policy))
	want := timeline.Params{Cap: 50000, Window: 10 * 86400, Drift: 3, LatePolicy: timeline.RefuseLate, Holds: true, Deposit: 2000, ApproveAbove: 5000,
		ProvisionalAfter: 48 * 3600, ProvisionalPerCard: 1000, ProvisionalPerMonth: 2000, ProvisionalBudget: 300000,
		Earlier: []timeline.Era{
			{Until: time.Date(2025, 1, 1, 0, 0, 0, 0, txn.CityTime).Unix(), Cap: 20000, Window: 30 * 86400},
			{Until: time.Date(2026, 1, 1, 0, 0, 0, 0, txn.CityTime).Unix(), Cap: 30000, Window: 20 * 86400},
		}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v: %v", got, want, err)
	}
}

func TestPolicyRefusals(t *testing.T) {
	for name, c := range map[string]struct{ old, broken, text string }{
		"unknown name":      {`"holds"`, `"hold"`, `"hold"`},
		"unknown in part":   {`"after_hours"`, `"after_days"`, `"after_days"`},
		"name twice":        {`"holds": true,`, `"holds": true, "approve_above_fen": 0,`, `"approve_above_fen" is there twice`},
		"twice in part":     {`"after_hours": 48`, `"after_hours": 1, "after_hours": 48`, `"after_hours" is there twice`},
		"name in capitals":  {`"approve_above_fen"`, `"Approve_above_fen"`, "small letters"},
		"behind the end":    {`20}]}`, `20}]} {}`, "last brace"},
		"no JSON":           {`{"cap`, `["cap`, "read policy"},
		"fraction":          {`50000`, `50000.5`, "cap_fen"},
		"no limit":          {`50000`, `0`, "cap_fen is 0, want 1"},
		"limit left out":    {`"cap_fen": 50000, `, ``, "cap_fen is 0"},
		"no window":         {`"window_days": 10`, `"window_days": 0`, "window_days is 0"},
		"long window":       {`"window_days": 10`, `"window_days": 367`, "window_days is 367"},
		"clock":             {`"drift_seconds": 3`, `"drift_seconds": -1`, "drift_seconds is -1"},
		"late rows":         {`"refuse"`, `"drop"`, `late_rows is "drop"`},
		"credit unapproved": {`"per_card_fen": 1000`, `"per_card_fen": 5001`, "would pass by the approval"},
		"day":               {`"2025-01-01"`, `"2025-13-01"`, "earlier[0].until"},
		"order":             {`"2026-01-01"`, `"2025-01-01"`, "earlier[1].until 2025-01-01 is not after"},
		"limit of an era":   {`20000`, `0`, "earlier[0].cap_fen"},
		"window of an era":  {`"window_days": 30`, `"window_days": 0`, "earlier[0].window_days"},
	} {
		broken := strings.Replace(policy, c.old, c.broken, 1)
		if broken == policy {
			t.Fatalf("%s: nothing is broken", name)
		}
		if _, err := recon.DecodePolicy([]byte(broken)); !errors.Is(err, recon.ErrPolicy) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
	if _, err := recon.DecodePolicy(make([]byte, 1<<16+1)); !errors.Is(err, recon.ErrPolicy) {
		t.Errorf("too long: %v", err)
	}
	eras := strings.Repeat(`{"until": "2025-01-01", "cap_fen": 1, "window_days": 1},`, 65)
	if _, err := recon.DecodePolicy([]byte(`{"cap_fen": 1, "window_days": 1, "earlier": [` + strings.TrimSuffix(eras, ",") + `]}`)); !errors.Is(err, recon.ErrPolicy) || !strings.Contains(err.Error(), "65 eras") {
		t.Errorf("65 eras: %v", err)
	}
}

// FuzzDecodePolicy: rules that are taken never let everything be impossible.
func FuzzDecodePolicy(f *testing.F) {
	f.Add(recon.DefaultPolicy())
	f.Add([]byte(policy))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := recon.DecodePolicy(b)
		if err != nil {
			if !errors.Is(err, recon.ErrPolicy) {
				t.Fatal(err)
			}
			return
		}
		if p.Cap < 1 || p.Window < 86400 || p.Drift < 0 || p.ApproveAbove < 0 || p.ProvisionalPerCard < 0 {
			t.Fatalf("%+v", p)
		}
	})
}
