package etcd

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
)

// maxCard is the longest value that is read as a card, in bytes. A card needs a
// few hundred.
const maxCard = 16 << 10

// card is a heartbeat.Card as the value of its key. Other versions may add
// fields; those that are there keep their meaning.
type card struct {
	Name      string `json:"name"`      // the key's last part
	ClusterID string `json:"clusterID"` // hexadecimal, as etcd prints it
	MemberID  string `json:"memberID"`  // hexadecimal, as etcd prints it
	Address   string `json:"address,omitempty"`
	Version   string `json:"version,omitempty"`
}

// validName reports whether a name can be the last part of a key.
func validName(name string) bool {
	return name != "" && !strings.Contains(name, "/") && printable(name)
}

// encode returns the value of a card: the same bytes for the same card.
func encode(c heartbeat.Card) ([]byte, error) {
	value, err := json.Marshal(card{
		Name: c.Name, ClusterID: c.ClusterID.String(), MemberID: c.MemberID.String(), Address: c.Address, Version: c.Version,
	})
	if err == nil && len(value) > maxCard {
		return nil, fault.New(fault.Invalid, opRenew, c.Name, "its card has "+strconv.Itoa(len(value))+" bytes, more than "+strconv.Itoa(maxCard))
	}
	return value, err
}

// decode returns the card that is stored under a name, false if it is none.
func decode(name string, value []byte) (heartbeat.Card, bool) {
	if len(value) > maxCard || !validName(name) {
		return heartbeat.Card{}, false
	}
	var c card
	if err := json.Unmarshal(value, &c); err != nil || c.Name != name {
		return heartbeat.Card{}, false
	}
	of, err := strconv.ParseUint(c.ClusterID, 16, 64)
	if err != nil {
		return heartbeat.Card{}, false
	}
	member, err := strconv.ParseUint(c.MemberID, 16, 64)
	if err != nil {
		return heartbeat.Card{}, false
	}
	return heartbeat.Card{
		Name: name, ClusterID: cluster.ID(of), MemberID: cluster.ID(member), Address: c.Address, Version: c.Version,
	}, true
}
