package defragrule_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/defragrule"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/fault"
)

const mib = 1 << 20

func TestRules(t *testing.T) {
	half := cluster.Status{DBSize: 512 * mib, DBInUse: 256 * mib, DBQuota: 1024 * mib}
	old := half
	old.DBQuota = 0
	for _, tc := range []struct {
		name, rule string
		status     cluster.Status
		quota      int64
		wanted     bool
		says       string
	}{
		{"free bytes", "dbSizeFree >= 256*1024*1024", half, 0, true, "256.0 of 512.0 MiB are free (50 %)"},
		{"free bytes, too few", "dbSizeFree > 256*1024*1024", half, 0, false, "does not hold"},
		{"a part of the database", "dbSizeFree > 0.4*dbSize", half, 0, true, "the rule holds"},
		{"in use against all of it", "dbSize > 2*dbSizeInUse", half, 0, false, ""},
		{"usage of the quota", "dbQuotaUsage >= 0.5", half, 0, true, "50 % of the quota"},
		{"the quota is not known", "dbQuotaUsage > 0.1 || dbQuota > 0", old, 0, false, ""},
		{"the quota was told", "dbQuotaUsage >= 0.25 && dbQuota == 2147483648", old, 2048 * mib, true, "25 % of the quota"},
		{"what the member says wins", "dbQuota == 1024*1024*1024", half, 1, true, ""},
		{"always", "true", cluster.Status{}, 0, true, "0.0 of 0.0 MiB"},
		{"a member that reports more in use than it has", "dbSizeFree < 0", cluster.Status{DBSize: 1, DBInUse: 2}, 0, false, ""},
		{"nothing divided by nothing", "dbSizeFree % dbQuota == 0", old, 0, false, "cannot be worked out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule, err := defragrule.Compile(tc.rule, tc.quota)
			if err != nil {
				t.Fatal(err)
			}
			var wanted defrag.Wanted = rule.Wanted
			if yes, why := wanted(tc.status); yes != tc.wanted || !strings.Contains(why, tc.says) {
				t.Errorf("%v (%s)", yes, why)
			}
			if rule.String() != tc.rule {
				t.Errorf("it calls itself %q", rule)
			}
		})
	}
}

func TestRulesThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "dbSize", "dbSize > ", "dbSizeFre > 1", "dbSize > 'a'", "dbSize + 1", "now()", "len(1..1000000000) > 1",
		"dbSize > foo()", "all(1..10, # > 0)", "dbSize in 1..3", "[true][0]", strings.Repeat("true && ", 400) + "true",
	} {
		if _, err := defragrule.Compile(text, 0); !errors.Is(err, fault.Invalid) {
			t.Errorf("%.40q: %v, want Invalid", text, err)
		}
	}
}
