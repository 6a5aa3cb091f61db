//go:build extended

package roles

import "testing"

func TestExtendedRolesOnEtcd35(t *testing.T) { rolesFollow(t, "etcd35", 3) }
func TestExtendedRolesOnEtcd36(t *testing.T) { rolesFollow(t, "etcd36", 3) }
