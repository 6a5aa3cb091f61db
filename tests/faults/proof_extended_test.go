//go:build extended

package faults

import "testing"

func TestExtendedACompactionOfEtcd35ProvesTheBackup(t *testing.T) { aCompactionProves(t, "etcd35") }

func TestExtendedAMemberOfEtcd35ThatHoldsOtherDataIsFound(t *testing.T) {
	otherDataIsFound(t, "etcd35")
}
