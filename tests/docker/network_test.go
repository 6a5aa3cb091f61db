package docker

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

// subnetTries is how many subnets are tried before a network is given up.
const subnetTries = 50

// newNetwork makes a network with a subnet of its own that nothing on this
// machine uses, removed with the test.
func newNetwork(t testing.TB, pool *dockertest.Pool, name string) *docker.Network {
	t.Helper()
	var last error
	for range subnetTries {
		subnet := randomSubnet()
		network, err := pool.CreateNetwork(name, func(o *docker.CreateNetworkOptions) {
			o.Driver, o.CheckDuplicate, o.Labels, o.Context = "bridge", true, owner(), t.Context()
			o.IPAM = &docker.IPAMOptions{Driver: "default", Config: []docker.IPAMConfig{{
				Subnet: subnet.String(), Gateway: subnet.Addr().Next().String(),
			}}}
		})
		if err != nil { // mostly: it overlaps with another network
			last = err
			continue
		}
		t.Cleanup(func() {
			if err := pool.Client.RemoveNetwork(network.Network.ID); err != nil {
				t.Errorf("remove network %s: %v", name, err)
			}
		})
		return network.Network
	}
	t.Fatalf("no network %s after %d tries: %v", name, subnetTries, last)
	return nil
}

// randomSubnet chooses 16 addresses out of a part of 10.0.0.0/8 or
// 172.16.0.0/12. Docker refuses one that overlaps with an interface's.
func randomSubnet() netip.Prefix {
	low := byte(rand.IntN(16) * 16)
	if rand.IntN(2) == 0 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(20 + rand.IntN(11)), byte(rand.IntN(256)), low}), 28)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(100 + rand.IntN(150)), byte(rand.IntN(256)), low}), 28)
}

func TestSubnetsArePrivate(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := randomSubnet()
		if s != s.Masked() || !s.Addr().IsPrivate() || s.Bits() != 28 {
			t.Fatalf("%s is not a private subnet", s)
		}
		seen[fmt.Sprint(s)] = true
	}
	if len(seen) < 900 {
		t.Errorf("only %d of 1000 subnets differ", len(seen))
	}
}
