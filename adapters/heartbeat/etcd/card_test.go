package etcd

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/heartbeat"
)

func TestTheValueOfAKey(t *testing.T) {
	for _, tc := range []struct {
		name string
		card heartbeat.Card
		want string
	}{
		{"everything", heartbeat.Card{Name: "sc-0", ClusterID: 0xcdf818194e3a8c32, MemberID: 0x8e9e05c52164694d, Address: "https://10.0.0.1:8380", Version: "v1.2.3"},
			`{"name":"sc-0","clusterID":"cdf818194e3a8c32","memberID":"8e9e05c52164694d","address":"https://10.0.0.1:8380","version":"v1.2.3"}`},
		{"others cannot reach it", heartbeat.Card{Name: "sc-0", ClusterID: 1, MemberID: 0xff, Version: "v1.2.3"},
			`{"name":"sc-0","clusterID":"1","memberID":"ff","version":"v1.2.3"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			value, err := encode(tc.card)
			if err != nil || string(value) != tc.want {
				t.Errorf("got %s, %v\nwant %s", value, err, tc.want)
			}
			if got, ok := decode("sc-0", value); !ok || got != tc.card {
				t.Errorf("reads back as %+v, %v", got, ok)
			}
		})
	}
	if _, err := encode(heartbeat.Card{Name: "sc-0", Address: strings.Repeat("a", maxCard)}); err == nil {
		t.Error("a card that nobody would read was made")
	}
}

func TestWhatIsReadAsACard(t *testing.T) {
	want := heartbeat.Card{Name: "sc-0", ClusterID: 0xa, MemberID: 0xb, Version: "v9"}
	for _, tc := range []struct {
		name, value string
		ok          bool
	}{
		{"of a version to come", `{"name":"sc-0","clusterID":"a","memberID":"b","version":"v9","zone":{"of":["x"]}}`, true},
		{"in another order, with space", "\n{ \"version\": \"v9\", \"memberID\": \"B\", \"clusterID\": \"0a\", \"name\": \"sc-0\" }", true},
		{"of another name", `{"name":"sc-1","clusterID":"a","memberID":"b","version":"v9"}`, false},
		{"without a name", `{"clusterID":"a","memberID":"b","version":"v9"}`, false},
		{"without a cluster", `{"name":"sc-0","memberID":"b","version":"v9"}`, false},
		{"without a member", `{"name":"sc-0","clusterID":"a","version":"v9"}`, false},
		{"ids as numbers", `{"name":"sc-0","clusterID":10,"memberID":11,"version":"v9"}`, false},
		{"an id that is none", `{"name":"sc-0","clusterID":"a","memberID":"-b","version":"v9"}`, false},
		{"an id too long", `{"name":"sc-0","clusterID":"a","memberID":"12345678901234567","version":"v9"}`, false},
		{"two values", `{"name":"sc-0","clusterID":"a","memberID":"b","version":"v9"}{}`, false},
		{"cut", `{"name":"sc-0","clusterID":"a","memberID":"b","versi`, false},
		{"a list", `[]`, false},
		{"null", `null`, false},
		{"empty", ``, false},
		{"endless", `{"name":"sc-0","clusterID":"a","memberID":"b","version":"v9","x":"` + strings.Repeat("x", maxCard) + `"}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := decode("sc-0", []byte(tc.value))
			if ok != tc.ok || ok && got != want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
	if _, ok := decode("", []byte(`{"name":"","clusterID":"a","memberID":"b"}`)); ok {
		t.Error("a card without a name")
	}
}

func FuzzDecodeCard(f *testing.F) {
	f.Add("sc-0", []byte(`{"name":"sc-0","clusterID":"a","memberID":"b","address":"https://10.0.0.1:8380","version":"v9"}`))
	f.Add("", []byte(`{}`))
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		c, ok := decode(name, value)
		if !ok {
			return
		}
		again, err := encode(c)
		if err != nil {
			return // it grew beyond the bound by its escapes
		}
		if got, ok := decode(name, again); !ok || got != c {
			t.Errorf("%+v became %s", c, again)
		}
	})
}
