package httpapi_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
)

// What the domain says is what the contract allows.
func TestEveryStageAndOutcomeIsInTheContract(t *testing.T) {
	for _, outcome := range defrag.Outcomes() {
		for _, stage := range defrag.Stages() {
			r := openapi.DefragmentationOf(defrag.Run{Outcome: outcome, Results: []defrag.Result{{Member: cluster.Member{ID: 1}, Stage: stage}}})
			if !r.Outcome.Valid() || !r.Members[0].Stage.Valid() {
				t.Errorf("%q or %q is not in api.yaml", outcome, stage)
			}
		}
	}
}

// A run arrives at the next leader's sidecar as the first one ended it.
func TestARunIsHandedOverWhole(t *testing.T) {
	at := time.Date(2026, 3, 7, 2, 0, 0, 0, time.UTC)
	run := defrag.Run{ID: "r1", Continues: "r0", Trigger: "it was asked for", Outcome: defrag.HandedOver, Reason: "the lead went to member 1", Began: at, Ended: at.Add(time.Minute),
		Alarms: []string{"the alarm stays"}, Results: []defrag.Result{
			{Member: cluster.Member{ID: 1, Name: "m1"}, Stage: defrag.Dense, Reason: "half is free", Expected: 3 * time.Second, Basis: "by its size",
				Before: defrag.Size{DB: 512 << 20, InUse: 200 << 20, Quota: 2 << 30}, After: defrag.Size{DB: 256 << 20}, Began: at, Stall: 2400 * time.Millisecond},
			{Member: cluster.Member{ID: 2, Name: "m2"}, Leads: true, Stage: defrag.LeadWas, Before: defrag.Size{DB: 512 << 20}},
		}}
	var got []defrag.Handover
	s := &sidecar{}
	sources := httpapi.Sources{Status: s, Snapshots: s, Health: s, Events: s, Observer: s, Metrics: http.NotFoundHandler(), Defrag: duty{taken: &got}}
	server := httptest.NewServer(httpapi.New(httpapi.Default(), sources, slog.New(slog.DiscardHandler)).Handler())
	defer server.Close()
	c := client.New(client.Config{})
	defer c.Close()
	want := defrag.Handover{Run: run, Member: 2, Reason: "it led"}
	if err := c.TakeOver(t.Context(), server.URL, want); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("it was told\n%+v\nwant\n%+v", got, want)
	}
}

// duty is one whose overview is all there is, and that notes what it takes over.
type duty struct {
	overview defrag.Overview
	taken    *[]defrag.Handover
}

func (duty) Plan(context.Context, defrag.Scope) (r defrag.Run, err error)  { return }
func (duty) Start(context.Context, defrag.Scope) (r defrag.Run, err error) { return }
func (d duty) TakeOver(h defrag.Handover)                                  { *d.taken = append(*d.taken, h) }
func (d duty) Overview() defrag.Overview                                   { return d.overview }

func pageOf(t *testing.T, o defrag.Overview) string {
	t.Helper()
	s := &sidecar{}
	sources := httpapi.Sources{Status: s, Snapshots: s, Health: s, Events: s, Observer: s, Metrics: http.NotFoundHandler(), Defrag: duty{overview: o}}
	w := httptest.NewRecorder()
	httpapi.New(httpapi.Default(), sources, slog.New(slog.DiscardHandler)).Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", local+"/", nil))
	d := xml.NewDecoder(strings.NewReader(w.Body.String()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return w.Body.String()
		} else if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
	}
}

func TestThePageShowsTheLastRun(t *testing.T) {
	if page := pageOf(t, defrag.Overview{}); !strings.Contains(page, "on demand only") || !strings.Contains(page, "Nothing was defragmented") {
		t.Error(page)
	}
	at := time.Date(2026, 3, 7, 2, 0, 0, 0, time.UTC)
	run := defrag.Run{ID: "r1", Outcome: defrag.Stopped, Reason: "m3: " + hostile, Began: at, Ended: at, Results: []defrag.Result{
		{Member: cluster.Member{ID: 1, Name: "m1"}, Stage: defrag.Dense, Reason: "half is free", Before: defrag.Size{DB: 512 << 20}, After: defrag.Size{DB: 256 << 20}, Stall: 2400 * time.Millisecond},
		{Member: cluster.Member{ID: 2, Name: "m2"}, Leads: true, Stage: defrag.Left, Reason: "a full is being read from it", Before: defrag.Size{DB: 512 << 20}, Expected: 3 * time.Second},
	}}
	page := pageOf(t, defrag.Overview{Runs: []defrag.Run{run}, Next: at, Window: "Sat 01:00-05:00"})
	for _, want := range []string{"due Sat 2026-03-07 02:00 UTC, by the leader, within Sat 01:00-05:00", "stopped", "256.0 MiB given back",
		"512.0 MiB → 256.0 MiB", "2.4s", "about 3s", "a full is being read from it", "&lt;script&gt;alert(1)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
}
