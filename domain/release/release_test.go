package release_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
)

func TestConvert(t *testing.T) {
	for _, tc := range []struct {
		name       string
		of, wanted string
		want       string
		refused    string // what the remedy says
	}{
		{"nobody asks: it stays as it is", "3.7.3", "", "3.7", ""},
		{"the same release", "3.6.16", "3.6.2", "3.6", ""},
		{"a newer etcd brings it up to date by itself", "3.5.0", "3.7", "3.5", ""},
		{"an older one must find its own release", "3.7.3", "3.6", "3.6", ""},
		{"the oldest", "3.7.3", "3.5.35", "3.5", ""},
		{"too old", "3.5.0", "3.4", "", "etcd 3.5 or a newer one"},
		{"too new to be known", "3.7.0", "3.8", "", "restore for etcd 3.7, start that"},
		{"a newer one of its own release", "3.9.1", "3.9", "3.9", ""},
		{"back from one that is not known", "3.9.1", "3.7", "", "start it with etcd 3.9, and use `etcdctl downgrade`"},
		{"back from one that is not known, to another", "3.9.1", "3.8", "", "start it with etcd 3.9"},
		{"the backup does not say", "", "3.6", "3.6", ""},
		{"nobody says anything", "", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := release.Convert(parse(t, tc.of), parse(t, tc.wanted))
			if tc.refused != "" {
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind != fault.Unsupported || !strings.Contains(f.Remedy, tc.refused) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || got != parse(t, tc.want) {
				t.Errorf("%v, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func TestNamed(t *testing.T) {
	for _, tc := range []struct {
		name             string
		cluster, storage string
		want             string
	}{
		{"3.5 names that of the cluster alone", "3.5.0", "", "3.5"},
		{"both are the same", "3.7.0", "3.7.0", "3.7"},
		{"an update that was going on: the cluster is ahead", "3.7.0", "3.6.0", "3.7"},
		{"a downgrade that was going on: the database is ahead", "3.6.0", "3.7.0", "3.7"},
		{"what is no version counts for nothing", "new", "3.6.0", "3.6"},
		{"nothing is named", "", "", ""},
	} {
		if got := release.Named(tc.cluster, tc.storage); got != parse(t, tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func parse(t *testing.T, text string) release.Release {
	t.Helper()
	if text == "" {
		return release.Release{}
	}
	r, err := release.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"3.6": "3.6.0", "v3.6.16": "3.6.0", "3.8.0-alpha.0": "3.8.0", "3.10.1": "3.10.0"} {
		if got, err := release.Parse(text); err != nil || got.Version() != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "3", "three", "-3.5", "3.-5", "0.0"} {
		if got, err := release.Parse(text); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}
